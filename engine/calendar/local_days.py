"""Calendar days of one zone in SQL: which day an instant falls on, without the database knowing about zones."""

from collections.abc import Iterator
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from engine.calendar.zones import local_day, local_instant
from engine.clock import DAY, Instant
from engine.store.dialects import Dialect


class LocalDays:
    """The days of ``zone`` from the one with ``first`` to the one with ``last``, counted from 0."""

    def __init__(self, zone: ZoneInfo, first: Instant, last: Instant) -> None:
        self._first = local_day(first, zone)
        number = (local_day(last, zone) - self._first).days + 1
        self._midnights = [local_instant(self._first + timedelta(days=day), 0, zone) for day in range(number + 1)]

    def date(self, number: int) -> date:
        """Return the day with that number."""
        return self._first + timedelta(days=number)

    def sql(self, at: str, dialect: Dialect) -> str:
        """Return SQL for the number of the day on which the instant ``at`` falls; instants outside are not meaningful.

        Days on which clocks change are longer or shorter than others; between them, days are counted by division.
        """
        cases = " ".join(f"WHEN {at} < {end} THEN {number}" for end, number in self._runs(at, dialect))
        return f"CASE {cases} END"

    def _runs(self, at: str, dialect: Dialect) -> Iterator[tuple[Instant, str]]:
        """Yield the end of each run of days that are alike, and SQL for the number of the day in it."""
        start = 0
        lengths = [after - before for before, after in zip(self._midnights, self._midnights[1:], strict=False)]
        for day, length in enumerate([*lengths, None]):
            if length == DAY:
                continue
            if day > start:
                since = f"({at} - {self._midnights[start]})"
                yield self._midnights[day], f"{start} + {dialect.whole_quotient(since, str(DAY))}"
            if length is not None:
                yield self._midnights[day + 1], str(day)
            start = day + 1
