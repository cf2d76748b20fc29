"""Isolating bad rows: one row that the database cannot process must not hold up the others.

A chunk that fails because of its data is retried in smaller parts, down to the one bad row. That row is quarantined
(see ``store.quarantine``) and logged by number. More than a few in a row mean that the rows are not the problem: then
they are taken out of quarantine, and the stage decides: it pauses the playbook at fault, or the tick fails with the
error's place.
"""

from functools import partial

import structlog

from engine.clock import Instant
from engine.faults import trail
from engine.store.data_errors import is_data_error
from engine.store.database import Transactions
from engine.store.quarantine import A_FEW, UNREADABLE, BadRowFound, RowKind, put_back, quarantine

MOST = 100
"""More bad rows in one tick than this mean that the rows are not the problem, even with good rows between them."""
_PART = 8

_log = structlog.get_logger("habitue.tick")


class BadRowIsolation:
    """Decides how many rows of one kind to process at once, and quarantines bad ones. One per stage of each tick."""

    def __init__(self, database: Transactions, kind: RowKind, stage: str, chunk: int) -> None:
        self._database = database
        self._kind = kind
        self._stage = stage
        self._chunk = chunk
        self._in_a_row: list[int] = []
        self.limit = chunk
        self.suspect: int | None = None
        """The id of the row being processed, if it is only one."""
        self.number = 0
        """How many rows were quarantined."""

    @property
    def isolating(self) -> bool:
        """Whether a bad row is being looked for, in smaller chunks."""
        return self.limit < self._chunk

    def worked(self) -> None:
        """Record that a chunk succeeded: process more rows at once again."""
        self.limit = min(self.limit * _PART, self._chunk)
        self._in_a_row.clear()

    def failed(self, error: Exception, now: Instant) -> tuple[int, ...]:
        """Record that a chunk failed: process fewer rows at once, or quarantine the one bad row.

        Returns the ids of the rows if too many failed in a row, so that they are not to blame; otherwise nothing.

        Raises:
            Exception: ``error``, if no row is to blame.
        """
        if not is_data_error(error):
            raise error
        if self.limit > 1:
            self.limit = max(self.limit // _PART, 1)
            return ()
        if self.suspect is None:
            raise error
        if len(self._in_a_row) >= A_FEW or self.number >= MOST:
            return (*self._put_back(now), self.suspect)
        self._quarantine(self.suspect, error, now)
        return ()

    def _quarantine(self, row_id: int, error: Exception, now: Instant) -> None:
        detail = trail(error)
        found = [BadRowFound(self._kind, row_id, self._stage, UNREADABLE, detail)]
        until = self._database.in_transaction(partial(quarantine, found=found, now=now))
        self._in_a_row.append(row_id)
        self.number += 1
        _log.error("row quarantined", kind=str(self._kind), row=row_id, error=detail, until=until[row_id])

    def _put_back(self, now: Instant) -> list[int]:
        rows, self._in_a_row = self._in_a_row, []
        self._database.in_transaction(partial(put_back, kind=self._kind, ids=rows, now=now))
        self.number -= len(rows)
        _log.error("too many bad rows in a row", kind=str(self._kind), put_back=len(rows))
        return rows
