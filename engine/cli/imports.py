"""``habitue import users|events``: files in."""

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
from engine.cli.context import FINDINGS, AsJson, console, notes, open_app, print_json
from engine.cli.import_report import show_summary
from engine.content.declared import Declared
from engine.errors import ContentError, InputError
from engine.facts.catalog import load_catalog
from engine.intake.files.importing import Progress, import_events, import_users
from engine.intake.files.options import ImportOptions, parse_map
from engine.intake.files.source import Source
from engine.intake.files.summary import ImportSummary

File = Annotated[
    Path, typer.Argument(help="CSV or JSON lines, plain or gzip; - for standard input.", show_default=False)
]
Maps = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="TARGET=COLUMN", help="Which column is what; TARGET==TEXT for one text in all rows."),
]
Zone = Annotated[str | None, typer.Option(help="For times without a zone; the brand's where absent.")]
FileFormat = Annotated[Literal["csv", "jsonl"] | None, typer.Option("--format", help="Found out where absent.")]
Delimiter = Annotated[str | None, typer.Option(help="Between CSV cells; found out where absent.")]
DateFormat = Annotated[str | None, typer.Option(help="For dates that are not ISO 8601, such as %d/%m/%Y.")]
Decimal = Annotated[Literal[".", ","], typer.Option(help="The decimal mark.")]
RejectedPath = Annotated[Path | None, typer.Option(help="Where rejected rows go; FILE.rejected.csv where absent.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Read and check everything, store nothing.")]
Again = Annotated[bool, typer.Option("--again", help="Read a file through that was imported before.")]
_Import = Callable[[App, Source, Declared, ImportOptions, Progress], ImportSummary]


def register(program: typer.Typer) -> None:
    """Add the family."""
    family = typer.Typer(no_args_is_help=True, help="Take users and events in from files.")
    family.command("users", epilog="Example: habitue import users crm.csv --map key=client --zone Europe/Berlin")(users)
    family.command(
        "events", epilog="Example: habitue import events orders.csv.gz --map name==order_completed --map at=date"
    )(events)
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
    """Import users: new ones are made, known ones changed; exit 1 where rows were rejected."""
    with open_app(context) as app:
        columns, constants = parse_map(maps or ())
        options = ImportOptions(
            columns, constants, _zone(app, zone), date_format, decimal, delimiter, rejected, dry_run, again
        )
        summary = _run(app, _source(file, file_format), options, _import_users)
    _finish(summary, as_json)


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
    """Import events, each once however often its file comes; exit 1 where rows were rejected."""
    with open_app(context) as app:
        columns, constants = parse_map(maps or ())
        options = ImportOptions(
            columns, constants, _zone(app, zone), date_format, decimal, delimiter, rejected, dry_run, again
        )
        summary = _run(app, _source(file, file_format), options, _import_events)
    _finish(summary, as_json)


def declared(app: App) -> Declared:
    """Return what the brand's facts say about the types of what comes in.

    Raises:
        ContentError: `rules/facts.toml` has errors; a file read without its types would have to be read again.
    """
    brand = app.settings.brand
    catalog, findings = load_catalog(app.bundle(), brand.currency_scale, app.kinds.fact_sources)
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        raise ContentError(errors)
    channels = tuple(channel.name for channel in app.kinds.channels)
    return replace(catalog.declared(), currency=brand.currency, channels=channels)


def _import_users(
    app: App, source: Source, types: Declared, options: ImportOptions, progress: Progress
) -> ImportSummary:
    return import_users(app.database, source, types, options, app.clock, progress=progress)


def _import_events(
    app: App, source: Source, types: Declared, options: ImportOptions, progress: Progress
) -> ImportSummary:
    return import_events(app.database, source, types, options, app.clock, progress=progress)


def _run(app: App, source: Source, options: ImportOptions, work: _Import) -> ImportSummary:
    types = declared(app)
    with _bar(source) as progress:
        return work(app, source, types, options, progress)


def _source(file: Path, file_format: Literal["csv", "jsonl"] | None) -> Source:
    if str(file) == "-":
        return Source(None, file_format)
    if not file.is_file():
        raise InputError(f"{file} is not a file that can be read")
    return Source(file, file_format)


def _zone(app: App, name: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(name or app.settings.brand.timezone)
    except (KeyError, ValueError, OSError) as error:
        raise InputError(f"--zone {name}: not a time zone; write one such as Europe/Berlin") from error


@contextmanager
def _bar(source: Source) -> Iterator[Progress]:
    """Show a bar of bytes while the import runs; on a terminal only."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Bars(*columns, console=notes(), transient=True, disable=not notes().is_terminal) as bars:
        task = bars.add_task(source.name, total=None)
        yield lambda done, whole: bars.update(task, completed=done, total=whole)


def _finish(summary: ImportSummary, as_json: bool) -> None:
    if as_json:
        print_json(summary.as_json())
    else:
        show_summary(console(), summary)
    if summary.rejected:
        raise typer.Exit(FINDINGS)
