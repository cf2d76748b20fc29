"""One user's row that the database cannot work on must not hold up the others.

A chunk that fails for what is in it is taken again in smaller parts, down to the one user who is at fault. That user
is set aside for an hour, and named in the log by number; the tick's row says how many there were.
"""

import sqlite3

import structlog
from sqlalchemy.exc import DataError, DBAPIError

from engine.clock import HOUR
from engine.errors import StoreError

ASIDE = HOUR
"""How long a user is left alone after a failure; in milliseconds."""
MOST = 100
"""More in one tick are no poison rows: then something else is wrong, and the tick fails."""
_PART = 8

_log = structlog.get_logger("habitue.tick")


class SettingAside:
    """How many users to take at once, and who is at fault. One for each tick."""

    def __init__(self, chunk: int) -> None:
        self._chunk = chunk
        self.limit = chunk
        self.suspect: int | None = None
        """The user at hand, where it is one alone."""
        self.number = 0
        """How many users were set aside."""

    def worked(self) -> None:
        """Note that a chunk went well: take more again."""
        self.limit = min(self.limit * _PART, self._chunk)

    def failed(self, error: StoreError | DBAPIError) -> int | None:
        """Note that a chunk failed; return the user to set aside, or None: then take fewer at once.

        Raises:
            StoreError, DBAPIError: ``error``, where no row is at fault, or more are than can be.
        """
        cause = error.__cause__ if isinstance(error, StoreError) else error
        if not _of_the_data(cause) or self.number >= MOST:
            raise error
        if self.limit > 1:
            self.limit //= _PART
            self.limit = max(self.limit, 1)
            return None
        self.number += 1
        kind = type(cause.orig).__name__ if isinstance(cause, DBAPIError) else type(error).__name__
        _log.error("user set aside", user=self.suspect, error=kind, hours=ASIDE // HOUR)
        return self.suspect


def _of_the_data(error: BaseException | None) -> bool:
    """Tell whether the database complains about a value, not about itself, its tables or another's lock."""
    if isinstance(error, DataError):
        return True
    if not isinstance(error, DBAPIError) or not isinstance(error.orig, sqlite3.OperationalError):
        return False
    code = getattr(error.orig, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code == sqlite3.SQLITE_ERROR and not str(error.orig).startswith(("no such", "near "))
