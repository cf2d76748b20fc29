"""``habitue report``: customers by place, transitions by cause, actions by playbook and reason, downgrades to come."""

import csv
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console

from engine.app import App
from engine.channels.base import masked
from engine.cli.as_json import as_json as to_json
from engine.cli.context import AsJson, console, open_app, parse_moment, print_json
from engine.cli.explain import running_content
from engine.cli.report_tables import show_days, show_places, show_playbooks, show_reasons, show_report
from engine.errors import InputError
from engine.explain.report.days import read_days
from engine.explain.report.models import (
    DayCount,
    PlaceCount,
    PlaybookCount,
    ReasonCount,
    by_playbook,
    by_reason,
)
from engine.explain.report.reading import ReportWindow, read_actions, read_places, read_report, read_transitions
from engine.intake.files.rejects import safe_cell


class By(StrEnum):
    """What a report of one table is by."""

    DAY = "day"
    PLAYBOOK = "playbook"
    PLACE = "place"
    REASON = "reason"


class Format(StrEnum):
    """How a report is printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def register(program: typer.Typer) -> None:
    """Add the command."""
    program.command(epilog="Example: habitue report --since 7d --by reason --format csv")(report)


def report(
    context: typer.Context,
    *,
    since: Annotated[
        str | None, typer.Option(help="Count from this instant (ISO 8601) on, or from so long ago: `24h`, `7d`.")
    ] = None,
    by: Annotated[By | None, typer.Option(help="Show one table: by day, playbook, place or reason.")] = None,
    form: Annotated[Format, typer.Option("--format", help="As tables, CSV (needs --by) or JSON.")] = Format.TABLE,
    as_json: AsJson = False,
) -> None:
    """Count customers by place, transitions by cause, actions by playbook and reason, and downgrades to come.

    Days are those of `brand.timezone`. It reads whole tables: seconds for millions of customers.
    """
    form = _form(form, by, as_json=as_json)
    with open_app(context) as app:
        zone, now = app.settings.brand.timezone, app.present()
        window = ReportWindow(now, ZoneInfo(zone), parse_moment(since, now, zone))
        if by is None:
            _print_report(app, window, form)
        else:
            _print_table(app, window, by, form)


def _form(form: Format, by: By | None, *, as_json: bool) -> Format:
    if as_json and form is Format.CSV:
        raise InputError("use either --json or --format csv, not both")
    if form is Format.CSV and by is None:
        raise InputError(f"CSV is one table: add --by {'|'.join(By)}")
    return Format.JSON if as_json else form


def _print_report(app: App, window: ReportWindow, form: Format) -> None:
    dimensions = running_content(app).rules.dimensions
    with app.database.read() as connection:
        found = read_report(connection, dimensions, window)
    if form is Format.JSON:
        document = to_json(found)
        for one in document["next_downgrades"]:
            one["user"] = masked(one["user"]) if "@" in one["user"] else one["user"]
        print_json(document)
    else:
        show_report(console(), found)


def _print_table(app: App, window: ReportWindow, by: By, form: Format) -> None:
    rows = _rows(app, window, by)
    if form is Format.JSON:
        print_json([to_json(row) for row in rows])
    elif form is Format.CSV:
        _print_csv(_MODELS[by], rows)
    else:
        _SHOWN[by](console(), rows)


_MODELS = {By.DAY: DayCount, By.PLAYBOOK: PlaybookCount, By.PLACE: PlaceCount, By.REASON: ReasonCount}
_SHOWN: Mapping[By, Callable[[Console, Any], None]] = {
    By.DAY: show_days,
    By.PLAYBOOK: show_playbooks,
    By.PLACE: show_places,
    By.REASON: show_reasons,
}


def _rows(app: App, window: ReportWindow, by: By) -> Sequence[Any]:
    dimensions = running_content(app).rules.dimensions if by is By.PLACE else ()
    with app.database.read() as connection:
        match by:
            case By.DAY:
                return read_days(connection, window)
            case By.PLACE:
                return read_places(connection, dimensions, read_transitions(connection, window))
            case By.PLAYBOOK:
                return by_playbook(read_actions(connection, window))
            case By.REASON:
                return by_reason(read_actions(connection, window), app.kinds.reasons)


def _print_csv(model: type, rows: Sequence[Any]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    names = [field.name for field in fields(model)]
    writer.writerow(names)
    for row in rows:
        cells = (getattr(row, name) for name in names)
        writer.writerow(["" if cell is None else safe_cell(str(cell)) for cell in cells])
