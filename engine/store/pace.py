"""How many rows a chunk has: as many as the settings say, or as fit into the time for which other writers can wait."""

import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection

Result = TypeVar("Result")

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


class Writer(Protocol):
    """What chunks are written with; see ``Database``."""

    def in_transaction(self, work: Callable[[Connection], Result]) -> Result:
        """Do ``work`` in a write transaction."""
        ...

    def others_wait(self) -> bool:
        """Tell whether another writer waits for this thread."""
        ...


def run_chunk(
    store: Writer,
    pace: Pace,
    chunk: Callable[[Connection], tuple[int, Result]],
    monotonic: Callable[[], float] = time.monotonic,
) -> tuple[int, Result]:
    """Run ``chunk``, which returns how many rows it had and its result, in one transaction; return both.

    The pace takes note of it. If others waited for it, they go first before this returns.
    """

    def work(connection: Connection) -> tuple[int, Result, float, bool]:
        # From here, because chunks must not shrink for the time that this one waited for another writer.
        began = monotonic()
        rows, result = chunk(connection)
        # Whoever waits now has waited while this chunk ran.
        return rows, result, monotonic() - began, store.others_wait()

    rows, result, seconds, others_wait = store.in_transaction(work)
    pace.done(rows, seconds, others_wait)
    if others_wait:
        time.sleep(GIVE_WAY)
    return rows, result
