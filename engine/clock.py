"""The only module that asks what time it is.

Everything else is given an instant: milliseconds since 1970-01-01 UTC, as an ``int``. This way a year can be simulated
in a minute, and every bug that involves time can be reproduced in a test.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import NewType, Protocol

Instant = NewType("Instant", int)
"""Milliseconds since 1970-01-01T00:00:00Z."""

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
"""Milliseconds in a fixed 24-hour day. Calendar days depend on the time zone: see ``engine.calendar``."""

CLOCK_SKEW = 5 * MINUTE
"""How far the clocks of two workers may differ, in milliseconds."""

NEVER = Instant(253_402_300_799_999)
"""9999-12-31T23:59:59.999Z: later than anything that can be due."""

EARLIEST_GIVEN, LATEST_GIVEN = Instant(631_152_000_000), Instant(4_102_444_800_000)
"""1990-01-01 and 2100-01-01: an instant given to a command is between them, because others are mistyped."""


class Clock(Protocol):
    """Tells the current instant."""

    def now(self) -> Instant:
        """Return the current instant in UTC milliseconds."""
        ...


class WallClock:
    """The machine's clock."""

    def now(self) -> Instant:
        """Return the machine's current instant in UTC milliseconds."""
        return Instant(time.time_ns() // 1_000_000)


def _uptime() -> int:
    """Return milliseconds since some fixed instant, which nobody can set. Where the system can tell, sleep counts."""
    counting_sleep = getattr(time, "CLOCK_BOOTTIME", None)
    passed = time.monotonic_ns() if counting_sleep is None else time.clock_gettime_ns(counting_sleep)
    return passed // 1_000_000


JUMP = 5 * SECOND
"""A clock that is set by more than this, in milliseconds, has jumped; less is the ordinary work of NTP."""
SETTLED = 30 * SECOND
"""How long a clock that has jumped ahead must keep its new time, in milliseconds, before it is believed."""


@dataclass(frozen=True, slots=True)
class Jump:
    """A wall clock was set by ``by`` milliseconds, or nearly: ahead if positive. ``number`` counts jumps from 1."""

    number: int
    by: int
    uptime: int
    """When it was noticed, on the clock that nobody can set, in milliseconds."""


class SteadyClock:
    """The machine's clock, except that a jump ahead is not followed until it has lasted.

    Whoever acts on a time that is wrong and ahead does so too early, for good; a time that is behind only delays. So of the
    clock's old time, counted on, and its new one, the earlier is taken. For processes that run for long; any thread may ask.
    """

    def __init__(self, wall: Clock | None = None, uptime: Callable[[], int] = _uptime) -> None:
        """``uptime`` returns milliseconds since some fixed instant; nobody can set it."""
        self._wall = wall or WallClock()
        self._uptime = uptime
        self._lock = threading.Lock()
        self._believed = self._doubted = self._wall.now() - uptime()
        """Wall time less uptime: as it is believed, and as it was last seen."""
        self._seen_since = uptime()
        self._jump: Jump | None = None

    def now(self) -> Instant:
        """Return the current instant in UTC milliseconds."""
        with self._lock:
            uptime, wall = self._uptime(), self._wall.now()
            self._look(wall - uptime, uptime)
            return Instant(min(wall, self._believed + uptime))

    @property
    def jump(self) -> Jump | None:
        """The last jump; None if there was none."""
        self.now()
        return self._jump

    @property
    def in_doubt(self) -> bool:
        """Whether the wall clock has jumped and its new time is not believed yet."""
        self.now()
        return self._doubted != self._believed

    def since(self, jump: Jump) -> int:
        """Return how long ago a jump was noticed, in milliseconds."""
        return self._uptime() - jump.uptime

    def _look(self, offset: int, uptime: int) -> None:
        """Note the wall clock's present offset; believe it if it has hardly changed, or has lasted."""
        if abs(offset - self._doubted) > JUMP:
            self._jump = Jump(self._jump.number + 1 if self._jump else 1, offset - self._doubted, uptime)
            self._seen_since = uptime
        self._doubted = offset
        if abs(offset - self._believed) <= JUMP or uptime - self._seen_since >= SETTLED:
            self._believed = offset


class FixedClock:
    """A clock that moves only when told to: for ``--at``, simulations and tests."""

    def __init__(self, at: Instant) -> None:
        self._at = at

    def now(self) -> Instant:
        """Return the instant that was last set."""
        return self._at

    def move_to(self, at: Instant) -> None:
        """Set the current instant."""
        self._at = at


def instant(moment: datetime) -> Instant:
    """Return the instant of ``moment``.

    Raises:
        ValueError: ``moment`` has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a datetime without a time zone is not an instant")
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return Instant(since.days * DAY + since.seconds * SECOND + since.microseconds // 1_000)


def midnight_utc(day: date) -> Instant:
    """Return the instant at which ``day`` begins in UTC."""
    return instant(datetime(day.year, day.month, day.day, tzinfo=UTC))


def to_datetime(at: int) -> datetime:
    """Return ``at`` as an aware datetime in UTC."""
    seconds, milliseconds = divmod(at, SECOND)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=milliseconds * 1_000)


def iso(at: int) -> str:
    """Return ``at`` as ISO 8601 in UTC with a ``Z``, to the second, or to the millisecond if not on a whole second."""
    moment = to_datetime(at)
    spec = "milliseconds" if at % SECOND else "seconds"
    return moment.isoformat(timespec=spec).replace("+00:00", "Z")
