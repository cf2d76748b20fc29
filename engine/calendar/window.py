"""When messages may be sent: the step's window and the brand's quiet hours, in the user's local time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from engine.calendar.zones import local_day, local_instant, local_minute
from engine.clock import Instant
from engine.content.values import Window

_DAYS_AHEAD = 3


@dataclass(frozen=True, slots=True)
class SendingHours:
    """When a message may be sent: within ``window`` and outside ``quiet``. None means no restriction."""

    window: Window | None = None
    quiet: Window | None = None

    def permits(self, minute: int) -> bool:
        """Tell whether a message may be sent at ``minute`` of the local day."""
        return self.in_window(minute) and not self.in_quiet(minute)

    def in_window(self, minute: int) -> bool:
        """Tell whether ``minute`` of the local day is in the step's window."""
        return self.window is None or _within(self.window, minute)

    def in_quiet(self, minute: int) -> bool:
        """Tell whether ``minute`` of the local day is in the quiet hours."""
        return self.quiet is not None and _within(self.quiet, minute)


def next_permitted(now: int, zone: ZoneInfo, hours: SendingHours) -> Instant | None:
    """Return the first instant, from ``now`` on, at which ``hours`` permit a message; None if there is none."""
    if hours.permits(local_minute(now, zone)):
        return Instant(now)
    later = sorted(at for at in _openings(now, zone, hours) if at > now)
    return next((at for at in later if hours.permits(local_minute(at, zone))), None)


def _openings(now: int, zone: ZoneInfo, hours: SendingHours) -> Iterator[Instant]:
    """Yield the instants around ``now`` at which the window opens or the quiet hours end."""
    times = [hours.window.start] if hours.window else []
    times += [hours.quiet.end] if hours.quiet else []
    today = local_day(now, zone)
    for days in range(-1, _DAYS_AHEAD + 1):
        for at in times:
            yield local_instant(today + timedelta(days=days), at.minutes, zone)


def _within(window: Window, minute: int) -> bool:
    start, end = window.start.minutes, window.end.minutes
    return start <= minute < end if start < end else minute >= start or minute < end
