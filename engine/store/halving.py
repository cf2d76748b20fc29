"""Finding the one row that a set-wise statement cannot work on, inside one transaction."""

from collections.abc import Callable

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from engine.faults import trail
from engine.store.data_errors import is_data_error
from engine.store.quarantine import A_FEW


def in_halves(
    connection: Connection, low: int, high: int, work: Callable[[int, int], int]
) -> tuple[int, dict[int, str]]:
    """Do ``work`` for the ids from ``low`` up to ``high``; where a value is at fault, for each half by itself.

    Returns the sum of what ``work`` returned, and the ids that are at fault, each with the kind and place of its error.

    Raises:
        DBAPIError: no row is at fault, or more than a few are.
    """
    bad: dict[int, str] = {}
    waiting, made = [(low, high)], 0
    while waiting:
        start, end = waiting.pop()
        try:
            with connection.begin_nested():
                made += work(start, end)
        except DBAPIError as error:
            if not is_data_error(error) or len(bad) >= A_FEW:
                raise
            if end - start <= 1:
                bad[start] = trail(error)
            else:
                middle = (start + end) // 2
                waiting += [(middle, end), (start, middle)]
    return made, bad
