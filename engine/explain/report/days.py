"""What happened on each day of the brand's calendar."""

from collections.abc import Iterator
from itertools import chain

from sqlalchemy import Connection, text

from engine.calendar.local_days import LocalDays
from engine.clock import Instant
from engine.explain.report.models import DayCount
from engine.explain.report.reading import NOT_FIRST, ReportWindow
from engine.store.dialects import dialect_of

_SOURCES = (
    ("enrolment AS t", "t.entered_at", "'entered'", "TRUE"),
    ("transition AS t", "t.at", "'moved'", NOT_FIRST),
    ("action AS t", "t.changed_at", "t.state", "TRUE"),
)
"""Table, instant, what is counted, and which rows."""


def read_days(connection: Connection, window: ReportWindow) -> tuple[DayCount, ...]:
    """Return what happened on each day, in the brand's zone, oldest first; nothing for days on which nothing did."""
    first = _first(connection, window)
    if first is None:
        return ()
    days = LocalDays(window.zone, first, max(window.now, _last(connection)))
    return tuple(sorted(chain.from_iterable(_counts(connection, days, window)), key=lambda one: (one.day, one.what)))


def _counts(connection: Connection, days: LocalDays, window: ReportWindow) -> Iterator[list[DayCount]]:
    for table, at, what, where in _SOURCES:
        query = text(
            f"SELECT {days.sql(at, dialect_of(connection))} AS day, {what}, count(*) FROM {table}"
            f" WHERE {at} >= :since AND {where} GROUP BY 1, 2"
        )
        rows = connection.execute(query, window.binds)
        yield [DayCount(days.date(number).isoformat(), name, count) for number, name, count in rows]


def _first(connection: Connection, window: ReportWindow) -> Instant | None:
    earliest = (
        connection.execute(text(f"SELECT min({at}) FROM {table} WHERE {at} >= :since"), window.binds).scalar()
        for table, at, _, _ in _SOURCES
    )
    return min((Instant(at) for at in earliest if at is not None), default=None)


def _last(connection: Connection) -> Instant:
    """Return the newest instant, which may be ahead of the clock."""
    newest = (connection.execute(text(f"SELECT max({at}) FROM {table}")).scalar() for table, at, _, _ in _SOURCES)
    return max(Instant(at or 0) for at in newest)
