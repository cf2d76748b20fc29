"""``habitue suppress``: the addresses that get no more messages."""

from dataclasses import asdict
from functools import partial
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from engine.app import App
from engine.channels.base import Channel, by_name
from engine.cli.by_hand import DryRun, Why, hand
from engine.cli.context import FINDINGS, AsJson, Who, console, open_app, print_json
from engine.cli.explain_tables import day_time
from engine.cli.imports import (
    Again,
    DateFormat,
    Delimiter,
    File,
    FileFormat,
    Maps,
    RejectedPath,
    Zone,
    finish,
    progress_bar,
    source_of,
    zone_of,
)
from engine.clock import iso
from engine.content.findings import did_you_mean
from engine.control.suppressing import ListChange, add, forms_of, import_list, remove, would_change
from engine.errors import InputError
from engine.intake.files.options import ImportOptions, parse_map
from engine.intake.write.suppressions import Suppressed, count_list, read_list

ChannelName = Annotated[str, typer.Option("--channel", help="The channel of the addresses.")]
Addresses = Annotated[list[str], typer.Argument(metavar="ADDRESS", help="One or several.", show_default=False)]
ShowAddresses = Annotated[bool, typer.Option("--show-addresses", help="Do not mask addresses.")]


def register(program: typer.Typer) -> None:
    """Add the commands."""
    family = typer.Typer(no_args_is_help=True, help="Addresses that get no more messages, whatever their class.")
    family.command("add", epilog='Example: habitue suppress add robin@example.com --reason "asked by phone"')(_add)
    family.command("remove", epilog="Example: habitue suppress remove robin@example.com")(_remove)
    family.command("list", epilog="Example: habitue suppress list --channel email --limit 20")(_list)
    family.command("import", epilog="Example: habitue suppress import bounces.csv --map address=Recipient")(_import)
    program.add_typer(family, name="suppress")


def _add(  # noqa: PLR0917 - Typer's options
    context: typer.Context,
    addresses: Addresses,
    channel: ChannelName = "email",
    dry_run: DryRun = False,
    why: Why = None,
    who: Who = None,
    show_addresses: ShowAddresses = False,
    as_json: AsJson = False,
) -> None:
    """Send nothing more to these addresses, from now on. Exits with 1 if all were on the list already."""
    with open_app(context) as app:
        forms = forms_of(_channel(app, channel), addresses, country=app.settings.brand.country, show=show_addresses)
        if dry_run:
            done = would_change(app.database, channel, forms, add=True)
        else:
            done = add(app.database, channel, forms, hand(who, why), app.present())
    _tell(done, "added", "on the list already", as_json)


def _remove(  # noqa: PLR0917 - Typer's options
    context: typer.Context,
    addresses: Addresses,
    channel: ChannelName = "email",
    dry_run: DryRun = False,
    why: Why = None,
    who: Who = None,
    show_addresses: ShowAddresses = False,
    as_json: AsJson = False,
) -> None:
    """Allow messages to these addresses again. Exits with 1 if none was on the list."""
    with open_app(context) as app:
        forms = forms_of(_channel(app, channel), addresses, country=app.settings.brand.country, show=show_addresses)
        if dry_run:
            done = would_change(app.database, channel, forms, add=False)
        else:
            done = remove(app.database, channel, forms, hand(who, why), app.present())
    _tell(done, "removed", "not on the list", as_json)


def _list(
    context: typer.Context,
    channel: Annotated[str | None, typer.Option(help="Only addresses of this channel.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="Show at most this many, newest first.")] = 50,
    show_addresses: ShowAddresses = False,
    as_json: AsJson = False,
) -> None:
    """List the addresses that get no messages, with the reason, the source and since when. Addresses are masked."""
    with open_app(context) as app:
        channels = by_name(app.kinds.channels)
        if channel is not None:
            _channel(app, channel)
        with app.database.read() as connection:
            found, counts = read_list(connection, channel, limit), count_list(connection)
    shown = found if show_addresses else [_masked(one, channels.get(one.channel)) for one in found]
    if as_json:
        print_json([{**one._asdict(), "at": iso(one.at)} for one in shown])
        return
    if shown:
        table = Table("address", "channel", "reason", "source", "since", box=None)
        for one in shown:
            cells = (one.address, one.channel, one.reason, one.source or "")
            table.add_row(*map(escape, cells), day_time(one.at))
        console().print(table)
    total = sum(number for name, number in counts.items() if channel is None or name == channel)
    console().print(f"{total:,} addresses are on the list" + (f", {len(shown):,} shown" if total > len(shown) else ""))


def _import(
    context: typer.Context,
    file: File,
    *,
    channel: ChannelName = "email",
    maps: Maps = None,
    zone: Zone = None,
    file_format: FileFormat = None,
    delimiter: Delimiter = None,
    date_format: DateFormat = None,
    rejected: RejectedPath = None,
    dry_run: DryRun = False,
    again: Again = False,
    why: Why = None,
    who: Who = None,
    as_json: AsJson = False,
) -> None:
    """Add the addresses in a file, such as a former provider's bounces. Exits with 1 if rows were rejected.

    Columns are recognised by their names (`address`, `email`, `recipient`; `reason`; `date`) or named with --map. An
    interrupted import continues when it is started again.
    """
    with open_app(context) as app:
        known = _channel(app, channel)
        columns, constants = parse_map(maps or ())
        options = ImportOptions(
            columns, constants, zone_of(app, zone), date_format, ".", delimiter, rejected, dry_run, again
        )
        source = source_of(file, file_format)
        work = partial(import_list, country=app.settings.brand.country, hand=hand(who, why), clock=app.clock)
        with progress_bar(source) as progress:
            summary = work(app.database, source, known, options, progress=progress)
    finish(summary, as_json)


def _channel(app: App, name: str) -> Channel:
    channels = by_name(app.kinds.channels)
    if name not in channels:
        raise InputError(f"no such channel: `{name}`{did_you_mean(name, channels)}")
    return channels[name]


def _masked(one: Suppressed, channel: Channel | None) -> Suppressed:
    return one._replace(address=channel.masked(one.address) if channel else "•••")


def _tell(done: ListChange, changed: str, same: str, as_json: bool) -> None:
    if as_json:
        print_json(asdict(done))
    else:
        would = "would be " if done.dry_run else ""
        note = "" if done.intervention is None else f" (intervention {done.intervention})"
        what = "address" if done.changed == 1 else "addresses"
        console().print(f"{done.changed:,} {what} {would}{changed}, {done.same:,} {same}{note}", highlight=False)
    if not done.changed:
        raise typer.Exit(FINDINGS)
