"""``habitue import users|events|devices``: imports files."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import typer
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from engine.app import App
from engine.channels.base import channel_addresses
from engine.cli.context import FINDINGS, AsJson, console, notes, open_app, print_json
from engine.cli.import_report import show_summary
from engine.content.declared import Declared
from engine.errors import ContentError, InputError
from engine.facts.catalog import load_catalog
from engine.intake.files.importing import Progress, import_devices, import_events, import_users
from engine.intake.files.options import ImportOptions, parse_map
from engine.intake.files.source import Source
from engine.intake.files.summary import ImportSummary

File = Annotated[
    Path, typer.Argument(help="CSV or JSON lines, plain or gzip; - for standard input.", show_default=False)
]
Maps = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="TARGET=COLUMN",
        help="Read a field from this column; TARGET==TEXT sets the same text in all rows.",
    ),
]
Zone = Annotated[str | None, typer.Option(help="Time zone of times that have none (default: the brand's).")]
FileFormat = Annotated[
    Literal["csv", "jsonl"] | None, typer.Option("--format", help="File format (default: detected).")
]
Delimiter = Annotated[str | None, typer.Option(help="CSV delimiter (default: detected).")]
DateFormat = Annotated[str | None, typer.Option(help="Format of dates that are not ISO 8601, such as %d/%m/%Y.")]
Decimal = Annotated[Literal[".", ","], typer.Option(help="Decimal separator.")]
RejectedPath = Annotated[Path | None, typer.Option(help="File for rejected rows (default: FILE.rejected.csv).")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Read and check everything, but store nothing.")]
Again = Annotated[bool, typer.Option("--again", help="Import a file that has already been imported.")]
_Import = Callable[[App, Source, Declared, ImportOptions, Progress], ImportSummary]


def register(program: typer.Typer) -> None:
    """Add the commands."""
    family = typer.Typer(no_args_is_help=True, help="Import users, events and devices from files.")
    family.command("users", epilog="Example: habitue import users crm.csv --map key=client --zone Europe/Berlin")(users)
    family.command(
        "events", epilog="Example: habitue import events orders.csv.gz --map name==order_completed --map at=date"
    )(events)
    family.command("devices", epilog="Example: habitue import devices devices.csv --map key=member")(devices)
    program.add_typer(family, name="import")


def users(
    context: typer.Context,
    file: File,
    *,
    maps: Maps = None,
    zone: Zone = None,
    file_format: FileFormat = None,
    delimiter: Delimiter = None,
    date_format: DateFormat = None,
    decimal: Decimal = ".",
    rejected: RejectedPath = None,
    dry_run: DryRun = False,
    again: Again = False,
    as_json: AsJson = False,
) -> None:
    """Import users: create new ones, update known ones. Exits with 1 if rows were rejected."""
    with open_app(context) as app:
        columns, constants = parse_map(maps or ())
        options = ImportOptions(
            columns, constants, zone_of(app, zone), date_format, decimal, delimiter, rejected, dry_run, again
        )
        summary = _run(app, source_of(file, file_format), options, _import_users)
    finish(summary, as_json)


def events(
    context: typer.Context,
    file: File,
    *,
    maps: Maps = None,
    zone: Zone = None,
    file_format: FileFormat = None,
    delimiter: Delimiter = None,
    date_format: DateFormat = None,
    decimal: Decimal = ".",
    rejected: RejectedPath = None,
    dry_run: DryRun = False,
    again: Again = False,
    as_json: AsJson = False,
) -> None:
    """Import events; importing a file again adds nothing twice. Exits with 1 if rows were rejected."""
    with open_app(context) as app:
        columns, constants = parse_map(maps or ())
        options = ImportOptions(
            columns, constants, zone_of(app, zone), date_format, decimal, delimiter, rejected, dry_run, again
        )
        summary = _run(app, source_of(file, file_format), options, _import_events)
    finish(summary, as_json)


def devices(
    context: typer.Context,
    file: File,
    *,
    maps: Maps = None,
    zone: Zone = None,
    file_format: FileFormat = None,
    delimiter: Delimiter = None,
    date_format: DateFormat = None,
    rejected: RejectedPath = None,
    dry_run: DryRun = False,
    again: Again = False,
    as_json: AsJson = False,
) -> None:
    """Import users' devices, with their push tokens. Exits with 1 if rows were rejected.

    A token belongs to the user who was seen with it last.
    """
    with open_app(context) as app:
        columns, constants = parse_map(maps or ())
        options = ImportOptions(
            columns, constants, zone_of(app, zone), date_format, ".", delimiter, rejected, dry_run, again
        )
        summary = _run(app, source_of(file, file_format), options, _import_devices)
    finish(summary, as_json)


def declared(app: App) -> Declared:
    """Return the types that the facts of the files, as ticks run them, declare for attributes and event properties.

    Raises:
        ContentError: ``rules/facts.toml`` has errors; a file imported without types would have to be imported again.
        NothingApplied: no version was ever applied, and only ``habitue apply`` applies files.
    """
    brand = app.settings.brand
    catalog, findings = load_catalog(app.bundle_to_run(), brand.currency_scale, app.kinds.fact_sources)
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        raise ContentError(errors)
    channels = channel_addresses(app.kinds.channels)
    return replace(catalog.declared(), currency=brand.currency, country=brand.country, channels=channels)


def _import_users(
    app: App, source: Source, types: Declared, options: ImportOptions, progress: Progress
) -> ImportSummary:
    return import_users(app.database, source, types, options, app.clock, progress=progress)


def _import_events(
    app: App, source: Source, types: Declared, options: ImportOptions, progress: Progress
) -> ImportSummary:
    return import_events(app.database, source, types, options, app.clock, progress=progress)


def _import_devices(
    app: App, source: Source, types: Declared, options: ImportOptions, progress: Progress
) -> ImportSummary:
    return import_devices(app.database, source, types, options, app.clock, progress=progress)


def _run(app: App, source: Source, options: ImportOptions, work: _Import) -> ImportSummary:
    types = declared(app)
    with progress_bar(source) as progress:
        return work(app, source, types, options, progress)


def source_of(file: Path, file_format: Literal["csv", "jsonl"] | None) -> Source:
    """Return the file, or standard input for `-`.

    Raises:
        InputError: there is no such file.
    """
    if str(file) == "-":
        return Source(None, file_format)
    if not file.is_file():
        raise InputError(f"{file} is not a readable file")
    return Source(file, file_format)


def zone_of(app: App, name: str | None) -> ZoneInfo:
    """Return the time zone ``name``, or the brand's.

    Raises:
        InputError: there is no such time zone.
    """
    try:
        return ZoneInfo(name or app.settings.brand.timezone)
    except (KeyError, ValueError, OSError) as error:
        raise InputError(f"--zone {name}: not a time zone; write one such as Europe/Berlin") from error


@contextmanager
def progress_bar(source: Source) -> Iterator[Progress]:
    """Show a progress bar in bytes while the import runs, on a terminal only."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Bars(*columns, console=notes(), transient=True, disable=not notes().is_terminal) as bars:
        task = bars.add_task(source.name, total=None)
        yield lambda done, whole: bars.update(task, completed=done, total=whole)


def finish(summary: ImportSummary, as_json: bool) -> None:
    """Report an import; exits with 1 if rows were rejected."""
    if as_json:
        print_json(summary.as_json())
    else:
        show_summary(console(), summary)
    if summary.rejected:
        raise typer.Exit(FINDINGS)
