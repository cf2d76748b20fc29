"""``habitue admin quarantine``: lists rows that could not be processed, and retries them."""

from dataclasses import asdict
from functools import partial
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from engine.actions.quarantined import retry_quarantined
from engine.cli.context import AsJson, console, open_app, print_json
from engine.cli.explain_tables import day_time
from engine.cli.tables import WordTable
from engine.errors import InputError
from engine.store.quarantine import Quarantined, RowId, RowKind, read_quarantine

_SHOWN = 1_000


def register(family: typer.Typer) -> None:
    """Add the command to ``habitue admin``."""
    family.command(epilog="Example: habitue admin quarantine --retry")(quarantine)


def quarantine(
    context: typer.Context,
    rows: Annotated[list[str] | None, typer.Argument(help="Only these rows, such as `user:12` (default: all).")] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Make these rows due at once.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the rows that could not be processed, each with its reason and the time of its next try."""
    only = [_row(row) for row in rows] if rows else None
    with open_app(context) as app:
        with app.database.read() as connection:
            found = [one for one in read_quarantine(connection, _SHOWN) if only is None or _id(one) in only]
        number = 0
        if retry:
            number = app.database.in_transaction(partial(retry_quarantined, now=app.clock.now(), only=only))
    if as_json:
        print_json([asdict(one) for one in found])
    else:
        _show(console(), found)
        if retry:
            console().print(f"{number:,} rows are due now; the next tick and delivery process them.")


def _row(written: str) -> RowId:
    kind, _, number = written.partition(":")
    if kind not in set(RowKind) or not number.isdecimal():
        kinds = ", ".join(f"`{one}:12`" for one in RowKind)
        raise InputError(f"`{written}` is not a row: write it like {kinds}")
    return RowId(RowKind(kind), int(number))


def _id(one: Quarantined) -> RowId:
    return RowId(one.kind, one.row_id)


def _show(out: Console, found: list[Quarantined]) -> None:
    if not found:
        out.print("Nothing is in quarantine.")
        return
    table = WordTable("row", "stage", "reason", "detail", "since", "tries", "next try")
    for one in found:
        table.add_row(
            f"{one.kind}:{one.row_id}",
            one.stage,
            one.reason,
            escape(one.detail),
            day_time(one.since),
            str(one.tries),
            day_time(one.retry_at),
        )
    out.print(table)
