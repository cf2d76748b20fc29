"""SQLite's result codes."""

import sqlite3
from contextlib import closing
from typing import Any

from sqlalchemy import Connection

from engine.store.dialects.fault import Fault

_PRIMARY = 0xFF
"""The octet of an extended result code that holds the primary one."""
_FAULTS = {
    sqlite3.SQLITE_PERM: Fault.DENIED,
    sqlite3.SQLITE_AUTH: Fault.DENIED,
    sqlite3.SQLITE_BUSY: Fault.CONFLICT,
    sqlite3.SQLITE_LOCKED: Fault.CONFLICT,
    sqlite3.SQLITE_READONLY: Fault.READ_ONLY,
    sqlite3.SQLITE_CORRUPT: Fault.NOT_A_DATABASE,
    sqlite3.SQLITE_NOTADB: Fault.NOT_A_DATABASE,
    sqlite3.SQLITE_FULL: Fault.FULL,
    sqlite3.SQLITE_NOMEM: Fault.OVERLOADED,
    sqlite3.SQLITE_CANTOPEN: Fault.CANNOT_OPEN,
    sqlite3.SQLITE_CONSTRAINT: Fault.CONSTRAINT,
    sqlite3.SQLITE_MISMATCH: Fault.VALUE,
    sqlite3.SQLITE_TOOBIG: Fault.VALUE,
}


def fault_of(error: BaseException, connection: Connection | None = None, statement: str | None = None) -> Fault:
    """Return what ``error`` of the driver means.

    SQLite has one code, ``SQLITE_ERROR``, both for a statement that it cannot compile and for a value on which a right
    statement fails. They are told apart by compiling ``statement`` once more, on ``connection``, which still has to be
    in the transaction that failed: the statement may name a temporary table.
    """
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        # The module's own: it cannot decode a text of the database, or bind a value.
        return Fault.VALUE if isinstance(error, (sqlite3.OperationalError, sqlite3.DataError)) else Fault.OTHER
    primary = code & _PRIMARY
    if primary != sqlite3.SQLITE_ERROR:
        return _FAULTS.get(primary, Fault.OTHER)
    if connection is None or not statement:
        return Fault.OTHER
    return Fault.VALUE if _compiles(connection, statement) else Fault.UNKNOWN_NAME


def _compiles(connection: Connection, statement: str) -> bool:
    driver: Any = connection.connection.driver_connection
    try:
        with closing(driver.execute(f"EXPLAIN {statement}")):
            return True
    except sqlite3.ProgrammingError:
        return True  # compiled, and only then were the parameters missed
    except sqlite3.Error:
        return False
