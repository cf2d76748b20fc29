"""The chunks of a stage: how large the next one may be, after bad rows and for the sake of others who wait."""

import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from engine.bad_rows import BadRowIsolation
from engine.clock import Instant
from engine.pipeline.held import HeldVersion
from engine.store.database import Order
from engine.store.pace import Pace, PacedWriter

Result = TypeVar("Result")
Seen = TypeVar("Seen")


class Chunks:
    """Runs the chunks of one stage in one tick."""

    def __init__(
        self,
        store: HeldVersion,
        pace: Pace,
        bad_rows: BadRowIsolation,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``monotonic`` tells seconds, from any beginning."""
        self._writer = PacedWriter(store, pace, monotonic)
        self._pace = pace
        self._bad_rows = bad_rows

    @property
    def quarantined(self) -> int:
        """How many rows were quarantined."""
        return self._bad_rows.number

    @property
    def limit(self) -> int:
        """The most rows of the next chunk."""
        return min(self._bad_rows.limit, self._pace.size())

    @property
    def crowded(self) -> bool:
        """Whether others wanted to write a moment ago."""
        return self._pace.crowded

    def suspect(self, row_id: int | None) -> None:
        """Name the only row of the current chunk: if it fails, this row is to blame."""
        self._bad_rows.suspect = row_id

    def run(self, chunk: Callable[[Connection], tuple[int, Result]]) -> Result:
        """Run ``chunk``, which returns how many rows it had and its result, in one transaction; return the result."""
        return self._worked(*self._writer.write(chunk))

    def look_then_run(
        self,
        look: Callable[[Connection], Seen],
        chunk: Callable[[Connection, Seen], tuple[int, Result]],
        order: Order,
    ) -> Result:
        """Run ``look``, and then ``chunk`` with what it found; see ``Database.look_then_write``. Return the result."""
        return self._worked(*self._writer.look_then_write(look, chunk, order))

    def _worked(self, rows: int, result: Result) -> Result:
        if rows:
            self._bad_rows.worked()
        return result

    def failed(self, error: Exception, now: Instant) -> tuple[int, ...]:
        """Take note that a chunk failed; see ``BadRowIsolation.failed``."""
        return self._bad_rows.failed(error, now)
