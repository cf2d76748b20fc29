"""Demand on each day, from seasons, holidays and weekdays, as cumulative demand.

An ordinary day has a demand of 1. The purchase process runs in *demand time*, in which buying is uniform, and
``day_at`` maps its purchases back to calendar days, so that December gets twice the orders of August.
"""

from bisect import bisect_right
from datetime import date, timedelta
from functools import cache
from itertools import accumulate

from engine.clock import Instant, to_datetime

_MONTHS = (0.82, 0.92, 0.94, 0.97, 1.05, 0.95, 0.84, 0.80, 0.98, 1.02, 1.25, 1.35)
_WEEKDAYS = (0.92, 0.88, 0.92, 1.00, 1.08, 1.12, 1.08)

_PEAKS = {
    "west": (((2, 7), (2, 14), 1.5), ((5, 4), (5, 12), 1.4), ((11, 22), (11, 30), 2.2), ((12, 1), (12, 19), 1.7)),
    "china": (((5, 18), (5, 20), 1.6), ((6, 12), (6, 18), 1.9), ((11, 1), (11, 11), 2.6), ((12, 10), (12, 12), 1.5)),
}
"""Calendar -> (first, last, factor), days as (month, day): gifts in spring, sales in November, gifts in December."""
_LULLS = {"west": (((12, 24), (12, 26), 0.3),), "china": (((2, 4), (2, 14), 0.5),)}


def demand(calendar: str, day: date) -> float:
    """Return how much is bought on ``day`` in the countries of ``calendar``; 1 is an ordinary day."""
    level = _MONTHS[day.month - 1] * _WEEKDAYS[day.weekday()]
    for first, last, factor in (*_PEAKS[calendar], *_LULLS[calendar]):
        if first <= (day.month, day.day) <= last:
            level *= factor
    return level


class Demand:
    """The cumulative demand of one calendar, from ``start`` over ``days`` days."""

    def __init__(self, calendar: str, start: Instant, days: int) -> None:
        first = to_datetime(start).date()
        levels = (demand(calendar, first + timedelta(days=offset)) for offset in range(days))
        self._until = [0.0, *accumulate(levels)]

    def at(self, day: int) -> float:
        """Return the cumulative demand at the beginning of ``day`` (counted from 0)."""
        return self._until[min(day, len(self._until) - 1)]

    def day_at(self, demanded: float) -> int | None:
        """Return the day on which cumulative demand passes ``demanded``; None if that is after the last day."""
        if demanded >= self._until[-1]:
            return None
        return bisect_right(self._until, demanded) - 1


@cache
def demand_of(calendar: str, start: Instant, days: int) -> Demand:
    """Return the demand of a calendar, cached for each span."""
    return Demand(calendar, start, days)
