"""A circuit breaker for an adapter, a channel, a template or a playbook.

It pauses after a failure, longer each time, and then tries again.
"""

from dataclasses import dataclass

from engine.clock import MINUTE, SECOND, iso

FIRST_PAUSE = 5 * SECOND
LONGEST_PAUSE = 10 * MINUTE
CODE_AT_FAULT = "code_at_fault"
"""The reason of a pause that a bug caused."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """What an admin needs to know: what is paused, the reason and its detail, since when and until when."""

    subject: str
    """Such as "adapter `smtp` is down"."""
    reason: str
    detail: str
    since: int
    until: int

    def __str__(self) -> str:
        detail = f" ({self.detail})" if self.detail else ""
        return f"{self.subject} since {iso(self.since)}: {self.reason}{detail}; next try {iso(self.until)}"


class Breaker:
    """Tells this worker whether something may be used: after a failure it pauses, longer each time."""

    def __init__(self, subject: str) -> None:
        """``subject`` begins the alarm's sentence: "adapter `smtp` is down"."""
        self._subject = subject
        self._failures = 0
        self.alarm: Alarm | None = None

    def paused(self, now: int) -> bool:
        """Tell whether it must not be used at ``now``."""
        return self.alarm is not None and now < self.alarm.until

    @property
    def trying(self) -> bool:
        """Whether the next use is a trial after a failure: one message, not a batch."""
        return self.alarm is not None

    def down(self, reason: str, detail: str, now: int, longest: int = LONGEST_PAUSE) -> bool:
        """Record a failure at ``now`` and pause; return False if it was paused already."""
        if self.paused(now):
            return False
        pause = min(FIRST_PAUSE * 2 ** min(self._failures, 20), longest)
        since = self.alarm.since if self.alarm else now
        self._failures += 1
        self.alarm = Alarm(self._subject, reason, detail, since, now + pause)
        return True

    def up(self) -> bool:
        """Record a success; return whether it had been down."""
        was_down = self.alarm is not None
        self._failures, self.alarm = 0, None
        return was_down
