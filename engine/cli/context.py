"""What all commands share: opening the app, printing, parsing instants."""

import getpass
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console

from engine.app import App
from engine.clock import EARLIEST_GIVEN, LATEST_GIVEN, Clock, Instant, instant
from engine.content.values import parse_duration
from engine.errors import InputError
from engine.kinds import SHIPPED, Kinds

FINDINGS = 1
"""Exit code: it worked, but something needs attention."""
USAGE = 2
"""Exit code: it could not be done."""

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]

Who = Annotated[
    str | None,
    typer.Option("--who", help="Who does this, for the record (default: the login of the operating system)."),
]


def person(who: str | None) -> str | None:
    """Return who does it: ``who``, else the login; None if the operating system has no name for it."""
    if who is not None and who.strip():
        return who.strip()
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without an entry
        return None


@dataclass(frozen=True, slots=True)
class Options:
    """The program's global options."""

    config: Path
    kinds: Kinds = SHIPPED


@contextmanager
def open_app(context: typer.Context, at: Instant | None = None, clock: Clock | None = None) -> Iterator[App]:
    """Open the app for one command, and always close it; for ``at`` and ``clock`` see ``App.open``."""
    options: Options = context.obj
    app = App.open(options.config, at, options.kinds, clock)
    try:
        yield app
    finally:
        app.close()


def console() -> Console:
    """Return the console for results."""
    return Console()


def notes() -> Console:
    """Return the console for progress and notes: standard error, so that results can be piped."""
    return Console(stderr=True)


def print_json(value: Mapping[str, Any] | Sequence[Any]) -> None:
    """Print one JSON document."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def parse_instant(value: str, zone: str = "UTC") -> Instant:
    """Parse ISO 8601. A time without an offset is in ``zone``; a date alone means its midnight there.

    Raises:
        InputError: ``value`` is empty, not ISO 8601, or not between 1990 and 2100.
    """
    if not value.strip():
        raise InputError(
            "a date or time is empty: write `2026-01-31` or `2026-01-31T10:00:00Z`, or leave the option out"
        )
    try:
        moment = datetime.fromisoformat(value)
        # In the first and last years of the calendar, the arithmetic of zones itself fails.
        at = instant(moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone)))
    except (ValueError, OverflowError) as error:
        raise InputError(f"`{value}` is not a date or time: write `2026-01-31` or `2026-01-31T10:00:00Z`") from error
    if not EARLIEST_GIVEN <= at <= LATEST_GIVEN:
        raise InputError(f"`{value}` is not between 1990-01-01 and 2100-01-01: check the year")
    return at


def parse_moment(value: str | None, now: Instant, zone: str) -> Instant | None:
    """Return the instant that ``value`` gives, as ISO 8601 or as how long ago: ``24h``; None for None.

    Raises:
        InputError: ``value`` is neither.
    """
    if value is None:
        return None
    try:
        return Instant(max(EARLIEST_GIVEN, now - parse_duration(value)))
    except ValueError:
        return parse_instant(value, zone)
