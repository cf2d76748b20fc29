"""How many rows a chunk has: as many as the settings say, or as fit into the time for which other writers can wait."""

import time
from collections.abc import Callable

SHORT = 0.05
"""How long a chunk takes while others wait, in seconds: a tick and an import may both be at it, turn by turn."""
GIVE_WAY = 0.05
"""How long whoever works in chunks then leaves the turns to others, in seconds, so that all who wait come first."""
ALERT = 5.0
"""How long chunks stay short after somebody waited, in seconds: single events come one after the other."""
FIRST = 1_000
"""Rows of the first chunk, if the time of a chunk is limited, and its pace is not known yet."""


class Pace:
    """The size of chunks."""

    def __init__(
        self, limit: int, longest: float | None = None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Start with a first chunk.

        Args:
            limit: the most rows of a chunk.
            longest: how long a chunk may take although nobody waits for it, in seconds; None for any length.
            monotonic: tells seconds, from any beginning.
        """
        self._limit = limit
        self._longest = longest
        self._monotonic = monotonic
        self._rate: float | None = None
        """Rows per second, in the last chunk that had any."""
        self._short_until: float | None = None

    def size(self) -> int:
        """Return how many rows the next chunk may have, at least one."""
        alert = self._short_until is not None and self._monotonic() < self._short_until
        seconds = SHORT if alert else self._longest
        if seconds is None:
            return self._limit
        if self._rate is None:
            return self._limit if self._longest is None else min(self._limit, FIRST)
        return max(1, min(self._limit, int(self._rate * seconds)))

    def done(self, rows: int, seconds: float, others_wait: bool) -> None:
        """Take note of a chunk: how many ``rows`` it had, how long it took, and whether somebody waits for it to end."""
        if rows and seconds > 0:
            self._rate = rows / seconds
        if others_wait:
            self._short_until = self._monotonic() + ALERT
