"""The only module that asks what time it is.

Everything else is given an instant: milliseconds since 1970-01-01 UTC, as an ``int``. This way a year can be simulated
in a minute, and every bug that involves time can be reproduced in a test.
"""

import time
from datetime import UTC, date, datetime
from typing import NewType, Protocol

Instant = NewType("Instant", int)
"""Milliseconds since 1970-01-01T00:00:00Z."""

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
"""Milliseconds in a fixed 24-hour day. Calendar days depend on the time zone: see ``engine.calendar``."""

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
