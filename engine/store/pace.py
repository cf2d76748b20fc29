"""How many rows a chunk has: as many as the settings say, or fewer while other writers wait for the tick."""

import time
from collections.abc import Callable

SHORT = 0.1
"""How long a chunk takes while others wait, in seconds."""
ALERT = 5.0
"""How long chunks stay short after somebody waited, in seconds: single events come one after the other."""


class Pace:
    """The size of chunks."""

    def __init__(self, limit: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        """``limit`` is the most rows of a chunk; ``monotonic`` tells seconds, from any beginning."""
        self._limit = limit
        self._monotonic = monotonic
        self._rate: float | None = None
        """Rows per second, in the last chunk that had any."""
        self._short_until: float | None = None

    def size(self) -> int:
        """Return how many rows the next chunk may have, at least one."""
        alert = self._short_until is not None and self._monotonic() < self._short_until
        if not alert or self._rate is None:
            return self._limit
        return max(1, min(self._limit, int(self._rate * SHORT)))

    def done(self, rows: int, seconds: float, others_wait: bool) -> None:
        """Take note of a chunk: how many ``rows`` it had, how long it took, and whether somebody waits for it to end."""
        if rows and seconds > 0:
            self._rate = rows / seconds
        if others_wait:
            self._short_until = self._monotonic() + ALERT
