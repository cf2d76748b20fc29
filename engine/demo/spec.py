"""The parameters of a demo: the number of customers, the seed, the time span."""

from dataclasses import dataclass

from engine.clock import DAY, Instant

HISTORY_DAYS = 730
"""Days over which the customers join; the rate of joining triples in that time."""


@dataclass(frozen=True, slots=True)
class DemoSpec:
    """All parameters of the generated brand.

    Customers join from ``start`` on, over ``HISTORY_DAYS``; their events are generated up to ``end``. Both are instants
    in UTC milliseconds. The same seed and start with a later end give the same history, continued.
    """

    users: int
    seed: int
    start: Instant
    end: Instant
    currency_scale: int = 100
    """Minor units in one unit of the brand's currency."""

    @classmethod
    def ending(cls, end: Instant, users: int = 2_000, seed: int = 7, currency_scale: int = 100) -> "DemoSpec":
        """Return the spec of a brand whose history ends at ``end``."""
        return cls(users, seed, Instant(end - HISTORY_DAYS * DAY), end, currency_scale)

    @property
    def days(self) -> int:
        """Days to generate, counted from ``start``: includes a partial day, and one more that has begun in the east."""
        return max(0, -(-(self.end - self.start) // DAY)) + 1
