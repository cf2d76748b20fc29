"""Telling an error of the data (one row's value) from all others: of the database itself, its tables, or our SQL."""

import sqlite3

import orjson
from sqlalchemy.exc import DataError, DBAPIError, ProgrammingError

from engine.errors import BadRow, StoreValueError

_DATA_EXCEPTION = "22"
"""SQLSTATE's class of errors that a value causes: out of range, division by zero, not a date."""
_WRONG_STATEMENT = "42"
"""SQLSTATE's class of statements that are wrong themselves: a column that is not there, a mistake in the SQL."""
_SQLITE_VALUES = ("malformed JSON", "integer overflow", "bad JSON path", "JSON cannot hold BLOB values")
"""SQLite has one code, SQLITE_ERROR, for a value that a function cannot work on and for a column that is not there."""


def is_data_error(error: BaseException) -> bool:
    """Tell whether a stored value is at fault, so that the row that holds it can be set aside."""
    if isinstance(error, BadRow | StoreValueError | orjson.JSONDecodeError):
        return True
    database = error if isinstance(error, DBAPIError) else error.__cause__
    if not isinstance(database, DBAPIError):
        return False
    state = getattr(database.orig, "sqlstate", None)
    if state is not None:
        return str(state).startswith(_DATA_EXCEPTION)
    return isinstance(database, DataError) or _of_sqlite(database.orig)


def _of_sqlite(error: BaseException | None) -> bool:
    if not isinstance(error, sqlite3.OperationalError):
        return False
    # The driver gives errors of its own no code: text in a column that is not UTF-8.
    if getattr(error, "sqlite_errorcode", None) is None:
        return True
    return error.sqlite_errorcode == sqlite3.SQLITE_ERROR and str(error).startswith(_SQLITE_VALUES)


def is_query_error(error: BaseException) -> bool:
    """Tell whether the statement is at fault: it asks for what is not there, or is no SQL. Trying again is no use."""
    database = error if isinstance(error, DBAPIError) else error.__cause__
    if not isinstance(database, DBAPIError):
        return False
    state = getattr(database.orig, "sqlstate", None)
    if state is not None:
        return str(state).startswith(_WRONG_STATEMENT)
    code = getattr(database.orig, "sqlite_errorcode", None)
    return isinstance(database, ProgrammingError) or (code == sqlite3.SQLITE_ERROR and not is_data_error(error))
