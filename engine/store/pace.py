"""How many rows a chunk has: as many as the settings say, or as fit into the time for which other writers can wait."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

from sqlalchemy import Connection

from engine.store.database import Order

Result = TypeVar("Result")
Seen = TypeVar("Seen")

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

    @property
    def crowded(self) -> bool:
        """Whether others wanted to write a moment ago."""
        return self._short_until is not None and self._monotonic() < self._short_until

    def size(self) -> int:
        """Return how many rows the next chunk may have, at least one."""
        seconds = SHORT if self.crowded else self._longest
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

    def look_then_write(
        self, look: Callable[[Connection], Seen], write: Callable[[Connection, Seen], Result], order: Order
    ) -> Result:
        """Do ``look``, and then ``write`` with what it found."""
        ...

    def others_wait(self) -> bool:
        """Tell whether another writer waits for this thread."""
        ...


@dataclass(frozen=True, slots=True)
class _Written(Generic[Result]):
    """A chunk: how many rows it had, its result, how long it kept others from writing, and whether any waited."""

    rows: int
    result: Result
    seconds: float
    others_wait: bool


class PacedWriter:
    """Writes the chunks of one job at its pace: if others waited for a chunk, they go first before the next."""

    def __init__(self, store: Writer, pace: Pace, monotonic: Callable[[], float] = time.monotonic) -> None:
        """``monotonic`` tells seconds, from any beginning."""
        self._store = store
        self._pace = pace
        self._monotonic = monotonic

    def write(self, chunk: Callable[[Connection], tuple[int, Result]]) -> tuple[int, Result]:
        """Run ``chunk``, which returns how many rows it had and its result, in one transaction; return both."""
        return self._done(self._store.in_transaction(lambda connection: self._timed(partial(chunk, connection))))

    def look_then_write(
        self,
        look: Callable[[Connection], Seen],
        chunk: Callable[[Connection, Seen], tuple[int, Result]],
        order: Order,
    ) -> tuple[int, Result]:
        """Run ``look``, and then ``chunk`` with what it found; see ``Database.look_then_write``."""
        return self._done(
            self._store.look_then_write(
                look, lambda connection, seen: self._timed(partial(chunk, connection, seen)), order
            )
        )

    def _timed(self, chunk: Callable[[], tuple[int, Result]]) -> _Written[Result]:
        # From here, because chunks must not shrink for the time that this one waited for another writer.
        began = self._monotonic()
        rows, result = chunk()
        # Whoever waits now has waited while this chunk ran.
        return _Written(rows, result, self._monotonic() - began, self._store.others_wait())

    def _done(self, written: _Written[Result]) -> tuple[int, Result]:
        self._pace.done(written.rows, written.seconds, written.others_wait)
        if written.others_wait:
            time.sleep(GIVE_WAY)
        return written.rows, written.result
