"""PostgreSQL's SQLSTATEs.

The driver has the SQLSTATE of a statement's error, but none where no connection came about: libpq then gives a text
only. So the connection is tried once more, with libpq asked to write the code in place of the text.
"""

import ctypes
import ctypes.util
import re
import select
import sys
from functools import partial
from typing import Any

import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo
from psycopg.pq.abc import PGconn

from engine.store.dialects.fault import Fault

_FAULTS = {
    "3D000": Fault.NO_DATABASE,
    "42501": Fault.DENIED,
    "25006": Fault.READ_ONLY,
    "53100": Fault.FULL,
    "40001": Fault.ROLLED_BACK,  # not serializable
    "40P01": Fault.ROLLED_BACK,  # the victim of a deadlock
    "55P03": Fault.CONFLICT,
    "42P01": Fault.UNKNOWN_NAME,
    "42703": Fault.UNKNOWN_NAME,
    "57014": Fault.OVERLOADED,  # canceled, as by statement_timeout
}
_FAULTS_BY_CLASS = {
    "08": Fault.UNREACHABLE,
    "22": Fault.VALUE,
    "23": Fault.CONSTRAINT,
    "28": Fault.LOGIN,
    "53": Fault.OVERLOADED,
    "54": Fault.VALUE,  # too long for an index, nested too deep
    "57": Fault.UNREACHABLE,
}
_TRY_SECONDS = 5.0
_SQLSTATE_ONLY = 3
"""libpq's ``PQERRORS_SQLSTATE``: severity and code, no text."""
_CODE = re.compile(r"\b[A-Z]+:  ([0-9A-Z]{5})$", re.MULTILINE)


def fault_of(error: BaseException) -> Fault:
    """Return what ``error`` of the driver, raised by a statement, means."""
    sqlstate = getattr(error, "sqlstate", None)
    if sqlstate is not None:
        return _fault_of_state(sqlstate)
    if isinstance(error, psycopg.DataError):
        return Fault.VALUE  # the driver's own: it cannot send such a value
    return Fault.UNREACHABLE if isinstance(error, psycopg.OperationalError) else Fault.OTHER


def fault_of_connecting(error: BaseException) -> Fault:
    """Return what ``error``, raised because no connection came about, means; tries to connect once more."""
    if not isinstance(error, psycopg.OperationalError):
        return Fault.OTHER
    state = error.sqlstate or _state_on_connecting(error)
    return _fault_of_state(state) if state else Fault.UNREACHABLE


def _fault_of_state(sqlstate: str) -> Fault:
    return _FAULTS.get(sqlstate) or _FAULTS_BY_CLASS.get(sqlstate[:2], Fault.OTHER)


def _state_on_connecting(error: psycopg.OperationalError) -> str | None:
    """Return the SQLSTATE with which the server refuses; None where it gives none, or lets us in now."""
    libpq = _libpq()
    if libpq is None or error.pgconn is None:  # as when the host's name is not known
        return None
    options = {option.keyword.decode(): option.val.decode() for option in error.pgconn.info if option.val is not None}
    # `pgconn_ptr` is public in all three forms of the driver, and not in its protocol class.
    connection: Any = pq.PGconn.connect_start(make_conninfo(**options).encode())
    try:
        libpq.PQsetErrorVerbosity(ctypes.c_void_p(connection.pgconn_ptr), _SQLSTATE_ONLY)
        _finish_connecting(connection)
        found = _CODE.search(connection.get_error_message())
    finally:
        connection.finish()
    return found[1] if found else None


def _finish_connecting(connection: PGconn) -> None:
    """Poll until the connection stands, is refused, or the server has kept us waiting too long."""
    while connection.status != pq.ConnStatus.BAD:
        polled = connection.connect_poll()
        reads = [connection.socket] if polled == pq.PollingStatus.READING else []
        writes = [connection.socket] if polled == pq.PollingStatus.WRITING else []
        if not any(select.select(reads, writes, [], _TRY_SECONDS if reads or writes else 0)):
            return


def _libpq() -> ctypes.CDLL | None:
    """Return the library that the driver uses: its compiled module leads to it, its Python one needs the system's."""
    places = (partial(getattr, sys.modules[pq.PGconn.__module__], "__file__"), partial(ctypes.util.find_library, "pq"))
    for place in places:
        try:
            library = ctypes.CDLL(place())
        except (OSError, TypeError):
            continue
        if hasattr(library, "PQsetErrorVerbosity"):
            library.PQsetErrorVerbosity.argtypes = [ctypes.c_void_p, ctypes.c_int]
            return library
    return None
