"""Who waits for a downgrade, and until when: the users in a grace, by the columns of their placements."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from engine.calendar.local_days import LocalDays
from engine.clock import Instant
from engine.explain.report.models import Downgrade, DowngradeCount
from engine.rules.dimension import IN, Dimension, PlacementSlot
from engine.store.dialects import Dialect, dialect_of
from engine.store.statement import quoted, statement

FIRST = 20
"""How many customers are named, the first to leave."""


@dataclass(frozen=True, slots=True)
class _Grace:
    """SQL over ``user_state AS s``: the users of a slot in a grace, where they are and until when."""

    dimension: str
    place: str
    since: str
    until: str


def downgrade_counts(
    connection: Connection, dimensions: Sequence[Dimension], zone: ZoneInfo
) -> tuple[DowngradeCount, ...]:
    """Return how many customers leave which place on which day of ``zone``."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for grace in _graces(dimensions, dialect_of(connection)):
        for place, day, customers in _by_day(connection, grace, zone):
            counts[grace.dimension, place, day] += customers
    return tuple(DowngradeCount(*key, customers) for key, customers in sorted(counts.items()))


def next_downgrades(connection: Connection, dimensions: Sequence[Dimension]) -> tuple[Downgrade, ...]:
    """Return the customers who leave first."""
    found: list[Downgrade] = []
    for grace in _graces(dimensions, dialect_of(connection)):
        query = statement(
            f"SELECT u.key, {grace.place} AS place, {grace.since} AS since, {grace.until} AS until FROM user_state AS s"
            f" JOIN users AS u ON u.id = s.user_id WHERE {grace.since} IS NOT NULL ORDER BY 4, 1 LIMIT {FIRST}"
        )
        found += (
            Downgrade(row.key, grace.dimension, row.place, Instant(row.since), Instant(row.until))
            for row in connection.execute(query)
            if row.until is not None
        )
    return tuple(nsmallest(FIRST, found, key=lambda one: (one.until, one.user)))


def _by_day(connection: Connection, grace: _Grace, zone: ZoneInfo) -> Iterator[tuple[str, str, int]]:
    waiting = (
        f"(SELECT {grace.place} AS place, {grace.until} AS until FROM user_state AS s WHERE {grace.since} IS NOT NULL)"
    )
    first, last = connection.execute(statement(f"SELECT min(until), max(until) FROM {waiting} AS w")).one()
    if first is None:
        return
    days = LocalDays(zone, first, last)
    day = days.sql("w.until", dialect_of(connection))
    query = statement(
        f"SELECT w.place, {day} AS day, count(*) FROM {waiting} AS w WHERE w.until IS NOT NULL GROUP BY 1, 2"
    )
    for place, number, customers in connection.execute(query):
        yield place, days.date(number).isoformat(), customers


def _graces(dimensions: Sequence[Dimension], dialect: Dialect) -> Iterator[_Grace]:
    for dimension in dimensions:
        for slot in dimension.slots:
            if slot.graces:
                yield _grace(dimension, slot, dialect)


def _grace(dimension: Dimension, slot: PlacementSlot, dialect: Dialect) -> _Grace:
    """A downgrade waits until the grace is over, and the lock of the place, too."""
    ends = {place: _end(slot, place, dialect) for place in slot.graces}
    if dimension.kind == "segments":
        segment = slot.name.removeprefix(f"{dimension.name}__")
        return _Grace(dimension.name, quoted(segment), f"s.{slot.wait}", ends[IN])
    cases = " ".join(f"WHEN {quoted(place)} THEN {end}" for place, end in ends.items())
    return _Grace(dimension.name, f"s.{dimension.place}", f"s.{slot.wait}", f"(CASE s.{dimension.place} {cases} END)")


def _end(slot: PlacementSlot, place: str, dialect: Dialect) -> str:
    end = f"s.{slot.wait} + {slot.graces[place]}"
    if place not in slot.locks:
        return end
    return dialect.greatest(end, f"coalesce(s.{slot.since}, 0) + {slot.locks[place]}")
