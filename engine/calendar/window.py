"""Permitted hours: the step's window and the brand's quiet hours, in the user's own time zone.

A local time that the clocks skip in spring is taken at the first instant after the gap; one that they repeat in autumn
is taken the first time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.clock import MINUTE, Instant, instant, to_datetime
from engine.content.values import LocalTime, Window

_DAYS_AHEAD = 3


@dataclass(frozen=True, slots=True)
class Hours:
    """When a message may leave: within ``window``, and not within ``quiet``; None restricts nothing."""

    window: Window | None = None
    quiet: Window | None = None

    def permits(self, minute: int) -> bool:
        """Tell whether a message may leave at ``minute`` of the local day."""
        return self.in_window(minute) and not self.in_quiet(minute)

    def in_window(self, minute: int) -> bool:
        """Tell whether ``minute`` of the local day is in the step's window."""
        return self.window is None or _within(self.window, minute)

    def in_quiet(self, minute: int) -> bool:
        """Tell whether ``minute`` of the local day is in the quiet hours."""
        return self.quiet is not None and _within(self.quiet, minute)


def local_minute(now: int, zone: ZoneInfo) -> int:
    """Return how many minutes the clocks of ``zone`` show after midnight."""
    local = to_datetime(now).astimezone(zone)
    return local.hour * 60 + local.minute


def next_permitted(now: int, zone: ZoneInfo, hours: Hours) -> Instant | None:
    """Return the first instant from ``now`` on at which ``hours`` permit a message; None where there is none ever."""
    if hours.permits(local_minute(now, zone)):
        return Instant(now)
    later = sorted(at for at in _openings(now, zone, hours) if at > now)
    return next((at for at in later if hours.permits(local_minute(at, zone))), None)


def _openings(now: int, zone: ZoneInfo, hours: Hours) -> Iterator[Instant]:
    """Yield the instants, around now, at which the window opens or the quiet hours end."""
    times = [hours.window.start] if hours.window else []
    times += [hours.quiet.end] if hours.quiet else []
    today = to_datetime(now).astimezone(zone).date()
    for days in range(-1, _DAYS_AHEAD + 1):
        for at in times:
            yield local_instant(today + timedelta(days=days), at, zone)


def local_instant(day: date, at: LocalTime, zone: ZoneInfo) -> Instant:
    """Return the instant at which the clocks of ``zone`` show ``at`` on ``day``, by this module's rule for gaps."""
    wanted = datetime.combine(day, time(at.minutes // 60, at.minutes % 60), zone)
    found = instant(wanted)
    if to_datetime(found).astimezone(zone).replace(tzinfo=None) == wanted.replace(tzinfo=None):
        return found
    return _end_of_gap(instant(wanted.replace(fold=1)), found, zone)


def _end_of_gap(before: int, after: int, zone: ZoneInfo) -> Instant:
    """Return the instant between two, to the minute, at which the offset of ``zone`` changes."""
    offset = to_datetime(after).astimezone(zone).utcoffset()
    while after - before > MINUTE:
        middle = (before + after) // (2 * MINUTE) * MINUTE
        if to_datetime(middle).astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return Instant(after)


@lru_cache(maxsize=1024)
def zone_of(name: str | None, fallback: str) -> ZoneInfo:
    """Return the zone called ``name``; the one called ``fallback`` where it is empty or not known."""
    try:
        return ZoneInfo(name or fallback)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(fallback)


def _within(window: Window, minute: int) -> bool:
    start, end = window.start.minutes, window.end.minutes
    return start <= minute < end if start < end else minute >= start or minute < end
