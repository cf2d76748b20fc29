"""Conversion between local time and instants. Everything that depends on a user's local time uses this module.

A local time that clocks skip in spring becomes the first instant after the gap, to the second; a local time that
occurs twice in autumn becomes its first occurrence.
"""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from engine.clock import SECOND, Instant, instant, to_datetime

NO_ZONE = ""
"""Stands for the zone of users whose zone is unknown."""


@lru_cache(maxsize=1_024)
def _known_zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def zone_or(name: str | None, fallback: ZoneInfo) -> ZoneInfo:
    """Return the zone called ``name``, or ``fallback`` if there is no such zone."""
    return (_known_zone(name) if name else None) or fallback


@lru_cache(maxsize=65_536)
def local_instant(day: date, minutes: int, zone: ZoneInfo) -> Instant:
    """Return the instant at which clocks in ``zone`` show ``minutes`` after midnight on ``day``."""
    wall = datetime(day.year, day.month, day.day, minutes // 60, minutes % 60, tzinfo=zone)
    at = instant(wall.astimezone(UTC))
    if to_datetime(at).astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return at
    return _end_of_gap(instant(wall.replace(fold=1).astimezone(UTC)), at, zone)


def _end_of_gap(before: Instant, after: Instant, zone: ZoneInfo) -> Instant:
    """Return the first instant of the new UTC offset, which is after ``before`` and at or before ``after``."""
    low, high = before // SECOND, after // SECOND
    new = to_datetime(after).astimezone(zone).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if to_datetime(middle * SECOND).astimezone(zone).utcoffset() == new:
            high = middle
        else:
            low = middle
    return Instant(high * SECOND)


def local_day(at: int, zone: ZoneInfo) -> date:
    """Return the calendar day in ``zone`` at an instant."""
    return to_datetime(at).astimezone(zone).date()


def local_minute(at: int, zone: ZoneInfo) -> int:
    """Return the minutes after midnight, rounded down, that clocks in ``zone`` show at an instant."""
    local = to_datetime(at).astimezone(zone)
    return local.hour * 60 + local.minute


def next_local(minutes: int, after: int, zone: ZoneInfo) -> Instant:
    """Return the first instant after ``after`` at which clocks in ``zone`` show ``minutes`` after midnight."""
    day = local_day(after, zone) - timedelta(days=1)
    while (at := local_instant(day, minutes, zone)) <= after:
        day += timedelta(days=1)
    return at
