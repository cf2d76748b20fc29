"""``habitue coupons``: lists coupon codes, and adds codes to pools."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape

from engine.cli.context import FINDINGS, AsJson, console, notes, open_app, print_json
from engine.cli.tables import WordTable
from engine.clock import Instant
from engine.errors import InputError
from engine.incentives.expiry import read_expiry
from engine.incentives.pools import PoolFile, PoolImport, fill_pool, stocks

_SHOWN = 20
"""How many rejected lines are printed."""


def register(program: typer.Typer) -> None:
    """Add the commands."""
    family = typer.Typer(help="List coupon codes, and add codes to pools.", invoke_without_command=True)
    family.callback()(show)
    family.command("import", epilog="Example: habitue coupons import VIP20 codes.csv --expires 2027-06-30")(add)
    program.add_typer(family, name="coupons")


def show(context: typer.Context, as_json: AsJson = False) -> None:
    """List the coupons with their free, claimed and expired codes."""
    if context.invoked_subcommand is not None:
        return
    with open_app(context) as app:
        coupons = app.content().playbooks.coupons
        with app.database.read() as connection:
            found = stocks(connection, coupons, app.clock.now())
    if as_json:
        print_json([asdict(stock) for stock in found])
        return
    numbers = ("free", "claimed", "expired")
    table = WordTable("coupon", "kind", *numbers, numbers=numbers)
    for stock in found:
        free = "generated on demand" if stock.kind == "series" else f"{stock.free:,}"
        table.add_row(escape(stock.coupon), stock.kind, free, f"{stock.claimed:,}", f"{stock.expired:,}")
    console().print(table)


def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A coupon of kind `pool` in playbooks/coupons.toml.")],
    file: Annotated[
        Path, typer.Argument(help="One code per line, or CSV with the columns code and expires_at; may be .gz.")
    ],
    expires: Annotated[
        str | None,
        typer.Option(
            help="Until when codes are good that do not say so themselves: a day, to its end in the brand's zone, or a time (ISO 8601)."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add codes to a pool; codes it already has are left unchanged. Exits with 1 if lines were rejected."""
    with open_app(context) as app:
        zone = ZoneInfo(app.settings.brand.timezone)
        done = fill_pool(app.database, app.content().playbooks.coupons, name, PoolFile(file, zone, _end(expires, zone)))
    if as_json:
        print_json(asdict(done))
    else:
        _tell(name, done)
    if done.rejected:
        raise typer.Exit(FINDINGS)


def _end(expires: str | None, zone: ZoneInfo) -> Instant | None:
    try:
        return read_expiry(expires, zone) if expires is not None else None
    except ValueError as error:
        raise InputError(f"--expires: {error}") from error


def _tell(name: str, done: PoolImport) -> None:
    for line in done.rejected[:_SHOWN]:
        notes().print(escape(line), highlight=False)
    if len(done.rejected) > _SHOWN:
        notes().print(f"… and {len(done.rejected) - _SHOWN} more")
    console().print(
        f"{escape(name)}: {done.added:,} codes added, {done.known:,} already known, {len(done.rejected):,} rejected"
    )
