"""Finding the one row that a set-wise statement cannot process, by halving, inside one transaction."""

from collections.abc import Callable

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from engine.errors import StoreValueError
from engine.faults import trail
from engine.store.dialects.fault import Fault
from engine.store.failures import fault_of
from engine.store.quarantine import A_FEW


def in_halves(
    connection: Connection, low: int, high: int, work: Callable[[int, int], int]
) -> tuple[int, dict[int, str]]:
    """Do ``work`` for the ids from ``low`` up to but excluding ``high``, halving the range while a value is at fault.

    Returns the sum of the results of ``work``, and the ids of bad rows, each with the kind and place of its error.

    Raises:
        StoreValueError: more than a few rows are bad.
        DBAPIError: the error is not due to a row.
    """
    bad: dict[int, str] = {}
    waiting, made = [(low, high)], 0
    while waiting:
        start, end = waiting.pop()
        try:
            with connection.begin_nested():
                made += _attempt(connection, start, end, work)
        except StoreValueError as error:
            if len(bad) >= A_FEW:
                raise
            if end - start <= 1:
                bad[start] = trail(error)
            else:
                middle = (start + end) // 2
                waiting += [(middle, end), (start, middle)]
    return made, bad


def _attempt(connection: Connection, low: int, high: int, work: Callable[[int, int], int]) -> int:
    """Do ``work``; classify an error while the transaction still has the temporary tables of this attempt."""
    try:
        return work(low, high)
    except DBAPIError as error:
        if fault_of(connection, error) is Fault.VALUE:
            raise StoreValueError("the database cannot process values in more than a few rows") from error
        raise
