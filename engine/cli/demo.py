"""``habitue demo``: generates a realistic brand and runs its last two weeks; or exports its data for import."""

import os
import shutil
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from engine.app import App
from engine.cli.context import AsJson, Options, console, notes, parse_instant, print_json
from engine.clock import DAY, FixedClock, Instant, WallClock
from engine.demo import job
from engine.demo.output import DemoCounts, export_brand
from engine.demo.spec import DemoSpec
from engine.demo.summary import ActionCount, Summary, summarise
from engine.errors import InputError
from engine.settings import load_settings


def register(program: typer.Typer) -> None:
    """Add the command."""
    program.command(epilog="Example: habitue demo --users 10000 --days 30")(demo)


def demo(
    context: typer.Context,
    *,
    users: Annotated[int, typer.Option(min=1, max=10_000_000, help="Customers to generate.")] = 2_000,
    days: Annotated[int, typer.Option(min=0, max=365, help="Days to run, up to the end.")] = 14,
    seed: Annotated[int, typer.Option(min=0, help="Random seed: another seed gives another brand.")] = 7,
    end: Annotated[str | None, typer.Option(help="Last day of the history, ISO 8601 (default: today).")] = None,
    export: Annotated[
        Path | None, typer.Option(help="Write users.csv and events.jsonl.gz to this folder instead.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Generate a brand with its customers, run its last days, and show a summary."""
    options: Options = context.obj
    until = _end(end)
    if export is not None:
        _export(options, export, DemoSpec.ending(until, users, seed), as_json=as_json)
        return
    clock = FixedClock(until)
    app = App(load_settings(options.config), clock, options.kinds)
    try:
        with _bars() as bars:
            made = job.run(app, clock, _ProgressBars(bars), users=users, days=days, seed=seed)
        with app.database.read() as connection:
            summary = summarise(connection, app.content().rules.dimensions)
        folder = str(app.settings.adapters.get("capture", {}).get("folder", ""))
    finally:
        app.close()
    if as_json:
        print_json(_document(summary, made, folder))
    else:
        show(console(), summary, folder)


def _end(day: str | None) -> Instant:
    """Return midnight (UTC) of ``day`` or of today."""
    at = parse_instant(day) if day else WallClock().now()
    if at > WallClock().now() + DAY:
        raise InputError(f"--end {day}: the demo ends today at the latest")
    return Instant(at - at % DAY)


def _bars() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=notes(), transient=True)


class _ProgressBars:
    """Shows a progress bar for each stage of the job."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks = {task.description: task.id for task in bars.tasks}

    def __call__(self, stage: job.JobProgress) -> None:
        """Update the bar of ``stage``."""
        if stage.name not in self._tasks:
            self._tasks[stage.name] = self._bars.add_task(stage.name, total=stage.total)
        self._bars.update(self._tasks[stage.name], completed=stage.done)


def _export(options: Options, folder: Path, spec: DemoSpec, *, as_json: bool) -> None:
    scale = load_settings(options.config).brand.currency_scale
    scaled = DemoSpec(spec.users, spec.seed, spec.start, spec.end, scale)
    with _bars() as bars:
        shown = _ProgressBars(bars)
        made = export_brand(folder, scaled, lambda done: shown(job.JobProgress("customers", done, spec.users)))
    if as_json:
        print_json({"folder": str(folder), "users": made.users, "events": made.events})
        return
    console().print(f"{made.users:,} customers and {made.events:,} events are in {folder}. Next:")
    console().print(f"  habitue import users {folder / 'users.csv'}", soft_wrap=True, highlight=False)
    console().print(f"  habitue import events {folder / 'events.jsonl.gz'}", soft_wrap=True, highlight=False)


def _document(summary: Summary, made: DemoCounts, folder: str) -> dict[str, object]:
    document = asdict(summary)
    document["crossed"] = [
        {summary.stage: stage, summary.tier: tier, "count": count} for (stage, tier), count in summary.crossed.items()
    ]
    return {"made": asdict(made), **document, "mail_folder": folder}


def show(out: Console, summary: Summary, folder: str) -> None:
    """Print the summary: customers by tier and stage, transitions, actions by playbook and reason, commands to try."""
    out.print(f"[bold]{summary.users:,} customers, {summary.events:,} events, {summary.ticks:,} ticks[/]")
    if summary.crossed:
        out.print(_crossed(summary))
    out.print(_placements(summary))
    out.print(_transitions(summary))
    out.print(_actions(summary.actions))
    out.print(f"The captured emails are in [bold]{folder}[/] (.eml files, which any mail program can open).")
    out.print("Next, try:")
    for command in _next(summary.example):
        out.print(f"  {command}", highlight=False, soft_wrap=True)


def _crossed(summary: Summary) -> Table:
    tiers, stages = summary.places[summary.tier], summary.places[summary.stage]
    table = Table(title=f"Customers by {summary.stage} and {summary.tier}", title_justify="left")
    table.add_column(summary.stage)
    for tier in (*tiers, "all"):
        table.add_column(tier, justify="right")
    for stage, total in stages.items():
        table.add_row(stage, *(f"{summary.crossed.get((stage, tier), 0):,}" for tier in tiers), f"{total:,}")
    table.add_section()
    table.add_row("all", *(f"{count:,}" for count in tiers.values()), f"{sum(tiers.values()):,}")
    return table


def _placements(summary: Summary) -> Table:
    table = Table("dimension", "customers", title="Other dimensions", title_justify="left")
    for dimension, places in summary.places.items():
        if dimension not in (summary.tier, summary.stage):
            table.add_row(dimension, "  ".join(f"{place} {count:,}" for place, count in places.items()))
    return table


def _transitions(summary: Summary) -> Table:
    table = Table("dimension", "from", "to", title="Transitions on these days", title_justify="left")
    table.add_column("customers", justify="right")
    for moved in summary.transitions:
        table.add_row(moved.dimension, moved.origin, moved.place, f"{moved.count:,}")
    return table


def _actions(actions: Sequence[ActionCount]) -> Table:
    table = Table("playbook", "state", "reason", title="Actions and their reasons", title_justify="left")
    table.add_column("actions", justify="right")
    by_playbook: dict[str, list[ActionCount]] = defaultdict(list)
    for done in actions:
        by_playbook[done.playbook].append(done)
    for playbook, rows in by_playbook.items():
        for number, done in enumerate(rows):
            table.add_row("" if number else playbook, done.state, done.reason, f"{done.count:,}")
    return table


def _next(example: str | None) -> list[str]:
    """Return commands to try, ready to type: with the path of the program if it is not on the search path."""
    called = Path(sys.argv[0])
    beside = called.name == "habitue" and shutil.which("habitue") is None
    program = os.path.relpath(called) if beside else "habitue"
    tries = [f"explain {example}"] if example else []
    return [f"{program} {words}" for words in (*tries, "log --limit 20", "preview winback/offer", "status", "check")]
