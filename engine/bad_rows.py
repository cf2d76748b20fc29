"""One row that the database cannot work on must not hold up the others.

A chunk that fails for what is in it is taken again in smaller parts, down to the one row that is at fault. That row is
quarantined (see ``store.quarantine``) and named in the log by number. More than a few one after the other mean that not
the rows are at fault: then they are put back, and the tick fails and says where.
"""

import structlog

from engine.clock import Instant
from engine.faults import trail
from engine.store.data_errors import is_data_error
from engine.store.database import Database
from engine.store.quarantine import A_FEW, UNREADABLE, BadRowFound, RowKind, put_back, quarantine

MOST = 100
"""More in one tick are no bad rows either, even where good ones stand between them."""
_PART = 8

_log = structlog.get_logger("habitue.tick")


class BadRowIsolation:
    """How many rows of one kind to take at once, and which are at fault. One for each stage of each tick."""

    def __init__(self, database: Database, kind: RowKind, stage: str, chunk: int) -> None:
        self._database = database
        self._kind = kind
        self._stage = stage
        self._chunk = chunk
        self._in_a_row: list[int] = []
        self.limit = chunk
        self.suspect: int | None = None
        """The row at hand, where it is one alone."""
        self.number = 0
        """How many rows were set aside."""

    def worked(self) -> None:
        """Note that a chunk went well: take more again."""
        self.limit = min(self.limit * _PART, self._chunk)
        self._in_a_row.clear()

    def failed(self, error: Exception, now: Instant) -> None:
        """Note that a chunk failed: take fewer at once, or set the one row aside that is at fault.

        Raises:
            Exception: ``error``, where no row is at fault, or more are than can be.
        """
        if not is_data_error(error):
            raise error
        if self.limit > 1:
            self.limit = max(self.limit // _PART, 1)
            return
        if self.suspect is None:
            raise error
        if len(self._in_a_row) >= A_FEW or self.number >= MOST:
            self._put_back(now)
            raise error
        self._quarantine(self.suspect, error, now)

    def _quarantine(self, row_id: int, error: Exception, now: Instant) -> None:
        detail = trail(error)
        with self._database.write() as connection:
            until = quarantine(connection, [BadRowFound(self._kind, row_id, self._stage, UNREADABLE, detail)], now)
        self._in_a_row.append(row_id)
        self.number += 1
        _log.error("row quarantined", kind=str(self._kind), row=row_id, error=detail, until=until[row_id])

    def _put_back(self, now: Instant) -> None:
        with self._database.write() as connection:
            put_back(connection, self._kind, self._in_a_row, now)
        self.number -= len(self._in_a_row)
        _log.error("not the rows are at fault", kind=str(self._kind), put_back=len(self._in_a_row))
