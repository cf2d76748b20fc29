"""When an adapter is down: delivery pauses on its channel, longer each time, then tries with one message."""

from dataclasses import dataclass

from engine.clock import MINUTE, SECOND, iso

FIRST_PAUSE = 5 * SECOND
LONGEST_PAUSE = 10 * MINUTE


@dataclass(frozen=True, slots=True)
class Alarm:
    """What an admin has to know: which adapter is down, why in a word and in the provider's, since when, until when."""

    adapter: str
    reason: str
    detail: str
    since: int
    until: int

    def __str__(self) -> str:
        said = f" ({self.detail})" if self.detail else ""
        return (
            f"adapter `{self.adapter}` is down since {iso(self.since)}: {self.reason}{said}; next try {iso(self.until)}"
        )


class Breaker:
    """The state of one adapter, as this worker knows it."""

    def __init__(self, adapter: str) -> None:
        self._adapter = adapter
        self._failures = 0
        self.alarm: Alarm | None = None

    def paused(self, now: int) -> bool:
        """Tell whether nothing shall be handed to the adapter at ``now``."""
        return self.alarm is not None and now < self.alarm.until

    @property
    def trying(self) -> bool:
        """Whether the next hand-off is a trial after a failure: one message, not a batch."""
        return self.alarm is not None

    def down(self, reason: str, detail: str, now: int) -> bool:
        """Note that the adapter failed at ``now``; return whether this is news rather than the same failure again."""
        if self.paused(now):
            return False
        pause = min(FIRST_PAUSE * 2 ** min(self._failures, 20), LONGEST_PAUSE)
        since = self.alarm.since if self.alarm else now
        self._failures += 1
        self.alarm = Alarm(self._adapter, reason, detail, since, now + pause)
        return True

    def up(self) -> bool:
        """Note that the adapter answered; return whether it had been down."""
        was_down = self.alarm is not None
        self._failures, self.alarm = 0, None
        return was_down
