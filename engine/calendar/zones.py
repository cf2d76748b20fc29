"""Local days and hours as instants. Every question about a user's own clock is answered here.

A local time that does not exist (spring) is taken at the first instant after the gap; one that exists twice (autumn)
is taken the first time.
"""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from engine.clock import SECOND, Instant, instant, to_datetime

NO_ZONE = ""
"""Stands for the zone of users whose own is not known."""


@lru_cache(maxsize=1_024)
def _known_zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def zone_or(name: str, fallback: ZoneInfo) -> ZoneInfo:
    """Return the zone called ``name``, or ``fallback`` where there is none of that name."""
    return (_known_zone(name) if name else None) or fallback


@lru_cache(maxsize=65_536)
def local_instant(zone: ZoneInfo, day: date, minutes: int) -> Instant:
    """Return the instant at which clocks in ``zone`` show ``minutes`` after midnight on ``day``."""
    wall = datetime(day.year, day.month, day.day, minutes // 60, minutes % 60, tzinfo=zone)
    at = instant(wall.astimezone(UTC))
    if to_datetime(at).astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return at
    return _end_of_gap(zone, instant(wall.replace(fold=1).astimezone(UTC)), at)


def _end_of_gap(zone: ZoneInfo, before: Instant, after: Instant) -> Instant:
    """Return the first instant of the new offset, which lies after ``before`` and not after ``after``."""
    low, high = before // SECOND, after // SECOND
    new = to_datetime(after).astimezone(zone).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if to_datetime(middle * SECOND).astimezone(zone).utcoffset() == new:
            high = middle
        else:
            low = middle
    return Instant(high * SECOND)


def local_day(zone: ZoneInfo, at: int) -> date:
    """Return the calendar day that clocks in ``zone`` show at an instant."""
    return to_datetime(at).astimezone(zone).date()


def next_local(zone: ZoneInfo, minutes: int, after: int) -> Instant:
    """Return the first instant after ``after`` at which clocks in ``zone`` show ``minutes`` after midnight."""
    day = local_day(zone, after) - timedelta(days=1)
    while (at := local_instant(zone, day, minutes)) <= after:
        day += timedelta(days=1)
    return at
