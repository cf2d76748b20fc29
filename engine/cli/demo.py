"""``habitue demo``: generates a realistic brand and runs its last two weeks; or exports its data for import."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from engine.app import App
from engine.cli.as_json import as_json as to_json
from engine.cli.context import AsJson, Options, console, notes, parse_instant, print_json
from engine.cli.report_tables import show_report
from engine.cli.tables import WordTable
from engine.clock import DAY, FixedClock, Instant, WallClock
from engine.demo import job
from engine.demo.output import Captured, busiest_customer, captured, export_brand
from engine.demo.spec import DemoSpec
from engine.errors import InputError
from engine.explain.report.models import Report
from engine.explain.report.reading import ReportWindow, read_report
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
        Path | None, typer.Option(help="Write users.csv, devices.csv and events.jsonl.gz to this folder instead.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Generate a brand with its customers, run its last days, and show their report."""
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
        window = ReportWindow(until, ZoneInfo(app.settings.brand.timezone))
        with app.database.read() as connection:
            found = read_report(connection, app.content().rules.dimensions, window)
            shown = Outcome(
                found,
                captured(connection),
                busiest_customer(connection),
                str(app.settings.adapters.get("capture", {}).get("folder", "")),
                {kind.name: kind.listed_by for kind in app.kinds.adapters},
            )
    finally:
        app.close()
    if as_json:
        print_json(
            {
                "made": asdict(made),
                **to_json(found),
                "captured": [asdict(one) for one in shown.captured],
                "example": shown.example,
                "mail_folder": shown.folder,
            }
        )
    else:
        show(console(), shown)


def _end(day: str | None) -> Instant:
    """Return midnight (UTC) of ``day`` or of today."""
    at = parse_instant(day) if day is not None else WallClock().now()
    if at > WallClock().now() + DAY:
        raise InputError(f"--end {day}: the demo ends today at the latest")
    return Instant(at - at % DAY)


def _bars() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=notes(), transient=True)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the demo shows at its end. ``example`` is a customer with many actions, ``folder`` where files are captured.

    ``commands`` list the messages that an adapter keeps in the store, by its name; see ``AdapterKind.listed_by``.
    """

    report: Report
    captured: Sequence[Captured]
    example: str | None
    folder: str
    commands: Mapping[str, str]


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
        print_json({"folder": str(folder), "users": made.users, "events": made.events, "devices": made.devices})
        return
    console().print(
        f"{made.users:,} customers, {made.devices:,} devices and {made.events:,} events are in {folder}. Next:"
    )
    console().print(f"  habitue import users {folder / 'users.csv'}", soft_wrap=True, highlight=False)
    console().print(f"  habitue import devices {folder / 'devices.csv'}", soft_wrap=True, highlight=False)
    console().print(f"  habitue import events {folder / 'events.jsonl.gz'}", soft_wrap=True, highlight=False)


def show(out: Console, shown: Outcome) -> None:
    """Print the report of the demo's store, what was captured and where it is, and commands to try."""
    show_report(out, shown.report)
    program = _program()
    table = WordTable("channel", "messages", "where", title="Captured", numbers=("messages",))
    for one in shown.captured:
        table.add_row(one.channel, f"{one.messages:,}", _where(one, shown, program))
    out.print(table)
    out.print("\nNothing has left this machine. Next, try:")
    for words in _next(shown.example):
        out.print(f"  {program} {words}", highlight=False, soft_wrap=True)


def _where(one: Captured, shown: Outcome, program: str) -> str:
    """Return where the messages of a channel are to be seen: by a command, or in files of the folder."""
    command = shown.commands.get(one.adapter)
    if command:
        return f"{program} {command.format(customer=one.customer)}"
    suffix = "".join(Path(one.reference).suffixes)
    return f"{shown.folder}/*/*{suffix}" + (": any mail program opens them" if suffix == ".eml" else "")


def _next(example: str | None) -> list[str]:
    """Return commands to try."""
    tries = [f"explain {example}"] if example else []
    return [*tries, "log --limit 20", "preview winback/last_call --channel sms", "status", "check"]


def _program() -> str:
    """Return how the program is called, ready to type: with its path if it is not on the search path."""
    called = Path(sys.argv[0])
    beside = called.name == "habitue" and shutil.which("habitue") is None
    return os.path.relpath(called) if beside else "habitue"
