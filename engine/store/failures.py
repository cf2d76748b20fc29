"""Explaining database errors to admins, in sentences without parameters, passwords or rows.

The cause is determined by its ``Fault``. The database's own message is shown if it helps, but never parsed.
"""

from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError

from engine.errors import StoreConflict, StoreError, StoreNameError, StoreRolledBack, StoreValueError
from engine.store.dialects import Dialect, dialect_of
from engine.store.dialects.fault import Fault

_HIDDEN = "***"

_SENTENCES = {
    Fault.UNREACHABLE: "the database {name} cannot be reached ({said}): check store.url, and that the server is running",
    Fault.NO_DATABASE: (
        "the server of {name} has no database of that name: create it with `createdb`, or check store.url"
    ),
    Fault.LOGIN: "the database {name} refuses the user or password: check store.url or HABITUE_STORE__URL",
    Fault.DENIED: "the database {name} does not allow this user to do that ({said}): grant the user the privilege",
    Fault.CANNOT_OPEN: "the database {name} cannot be opened: check that the folder exists and is writable",
    Fault.NOT_A_DATABASE: "the file of {name} is not a database, or is damaged: check store.url",
    Fault.READ_ONLY: "the database {name} is read-only: make the file and its folder writable for this user",
    Fault.FULL: "the disk of the database {name} is full: nothing was written in this step",
    Fault.OVERLOADED: "the database {name} is overloaded ({said}): try again with fewer workers, or raise its limits",
    Fault.CONFLICT: "the database {name} is in use by another transaction ({said}): try again",
    Fault.ROLLED_BACK: "the database {name} undid a transaction in favour of another one ({said}): try again",
    Fault.UNKNOWN_NAME: "the database {name} lacks a table or column ({said}): run `habitue migrate`",
    Fault.VALUE: "the database {name} cannot process a value in one of the rows ({said})",
}
"""A fault without a sentence is the program's, and its error is raised unchanged."""

_CLASSES = {
    Fault.CONFLICT: StoreConflict,
    Fault.ROLLED_BACK: StoreRolledBack,
    Fault.UNKNOWN_NAME: StoreNameError,
    Fault.VALUE: StoreValueError,
}


def fault_of(connection: Connection, error: DBAPIError) -> Fault:
    """Return the fault behind a statement's ``error``; ``connection`` must still be in the transaction that failed."""
    return dialect_of(connection).fault_of(error.orig or error, connection, error.statement)


def explained(url: URL, dialect: Dialect, error: DBAPIError, fault: Fault) -> StoreError | None:
    """Return the error to raise instead of ``error``; None if the program is at fault.

    ``error``, which becomes its cause, is stripped of rows' values.
    """
    said = _said(error, dialect, fault)
    for part in (error, error.orig):
        if part is not None:
            part.args = (said,)
    if fault not in _SENTENCES:
        return None
    for secret in _secrets(url, dialect):
        said = said.replace(secret, _HIDDEN)
    return _CLASSES.get(fault, StoreError)(_SENTENCES[fault].format(name=shown_url(url, dialect), said=said))


def shown_url(url: URL, dialect: Dialect) -> str:
    """Return the URL without its password and without any option that is not known to be harmless."""
    hidden = {option: _HIDDEN for option in url.query if option not in dialect.shown_options}
    return url.update_query_dict(hidden).render_as_string(hide_password=True).replace("%2A%2A%2A", _HIDDEN)


def _secrets(url: URL, dialect: Dialect) -> list[str]:
    options = [value for option, value in url.normalized_query.items() if option not in dialect.shown_options]
    return [secret for secret in (url.password, *(one for values in options for one in values)) if secret]


def _said(error: DBAPIError, dialect: Dialect, fault: Fault) -> str:
    """Return the first line of the database's message, or only a code if the message may repeat a row's values.

    Further lines are for programmers, and some repeat whole rows.
    """
    cause = error.orig
    code = None if cause is None else dialect.code_of(cause)
    if fault is Fault.VALUE:
        return f"{type(cause).__name__}, {code}" if code else f"{type(cause).__name__}: it cannot be decoded or encoded"
    lines = str(cause).strip().splitlines()
    return lines[0] if lines else code or type(cause).__name__
