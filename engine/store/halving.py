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
    """Do ``work`` for the ids from ``low`` up to ``high``; where a value is at fault, for each half by itself.

    Returns the sum of what ``work`` returned, and the ids that are at fault, each with the kind and place of its error.

    Raises:
        StoreValueError: more than a few rows are at fault.
        DBAPIError: no row is at fault.
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
    """Do ``work``; name a value at fault while the transaction still has the temporary tables of this attempt."""
    try:
        return work(low, high)
    except DBAPIError as error:
        if fault_of(connection, error) is Fault.VALUE:
            raise StoreValueError("the database cannot work on values in more than a few rows") from error
        raise
