"""``habitue interventions`` and ``habitue undo``: what people did by hand, and undoing it."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import Progress as Bars
from rich.progress import SpinnerColumn, TextColumn
from rich.table import Table

from engine.cli.as_json import as_json as to_json
from engine.cli.by_hand import DryRun, Why, hand
from engine.cli.context import AsJson, Who, console, notes, open_app, print_json
from engine.cli.explain_tables import day_time
from engine.control.interventions import PastIntervention, past_interventions
from engine.control.undo import Undone, would_undo
from engine.control.undo import undo as undo_now


def register(program: typer.Typer) -> None:
    """Add the commands."""
    program.command(epilog="Example: habitue interventions --limit 5")(interventions)
    program.command(epilog='Example: habitue undo 12 --reason "it was the other playbook"')(undo)


def interventions(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Show at most this many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List what people did by hand, newest first: who, when, to what, and why."""
    with open_app(context) as app, app.database.read() as connection:
        found = past_interventions(connection, limit)
    if as_json:
        print_json([to_json(one) for one in found])
    elif found:
        console().print(_table(found))
    else:
        console().print("Nobody has intervened yet.")


def undo(  # noqa: PLR0917 - Typer's options
    context: typer.Context,
    number: Annotated[int, typer.Argument(min=1, help="Its number in `habitue interventions`.", show_default=False)],
    why: Why = None,
    who: Who = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Undo something that a person did. Cancelled messages that have not expired wait again, cancelled enrolments go on."""
    with open_app(context) as app:
        if dry_run:
            done = would_undo(app.database, number, app.clock.now())
        else:
            out = notes()
            with Bars(
                SpinnerColumn(),
                TextColumn("{task.completed:,.0f} undone"),
                console=out,
                transient=True,
                disable=not out.is_terminal,
            ) as bars:
                task = bars.add_task("undo", total=None)
                done = undo_now(
                    app.database, number, hand(who, why), app.clock.now(), lambda rows: bars.advance(task, rows)
                )
    if as_json:
        print_json({**to_json(done), "undone": not dry_run})
    else:
        console().print(escape(_sentence(done, dry_run=dry_run)), highlight=False, soft_wrap=True)


def _sentence(done: Undone, *, dry_run: bool) -> str:
    what = f"`{done.done.command} {done.done.subject}`"
    rows = "1 row" if done.count == 1 else f"{done.count:,} rows"
    return f"Of {what}, {rows} {'would be' if dry_run else 'were'} brought back."


def _table(found: list[PastIntervention]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in ("number", "at", "who", "what", "rows", "why"):
        table.add_column(column, justify="right" if column in {"number", "rows"} else "left", overflow="fold")
    for one in found:
        undone = f" (undone by {one.undone_by})" if one.undone_by is not None else ""
        table.add_row(
            str(one.id),
            day_time(one.at),
            escape(one.who or "-"),
            escape(f"{one.command} {one.subject}{undone}"),
            f"{one.count:,}",
            escape(one.why or ""),
        )
    return table
