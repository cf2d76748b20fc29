"""What a demo is made from: how many customers, from which seed, over which span of time."""

from dataclasses import dataclass

from engine.clock import DAY, Instant

HISTORY_DAYS = 730
"""Days over which the customers join; their number grows threefold in that time."""


@dataclass(frozen=True, slots=True)
class DemoSpec:
    """All that the generated brand depends on.

    Customers join from ``start`` on, over ``HISTORY_DAYS``; what they do is told up to ``end``. Both are instants in
    UTC milliseconds. The same seed and start with a later end tell the same story, and how it went on.
    """

    users: int
    seed: int
    start: Instant
    end: Instant
    currency_scale: int = 100
    """Minor units in one unit of the brand's currency."""

    @classmethod
    def ending(cls, end: Instant, users: int = 2_000, seed: int = 7, currency_scale: int = 100) -> "DemoSpec":
        """Return the spec of a brand whose history leads up to ``end``."""
        return cls(users, seed, Instant(end - HISTORY_DAYS * DAY), end, currency_scale)

    @property
    def days(self) -> int:
        """Days to tell, counted from ``start``: a begun one included, and one more, which begins earlier in the east."""
        return max(0, -(-(self.end - self.start) // DAY)) + 1
