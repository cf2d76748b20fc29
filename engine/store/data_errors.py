"""Whose fault an error of a transaction is: one row's value, the program's own statement, or else the database's.

The store has classified it by then (see ``failures``): a value at fault is a ``StoreValueError``, and an error of the
database that it left as it was is the program's.
"""

import orjson
from sqlalchemy.exc import DBAPIError

from engine.errors import BadRow, StoreNameError, StoreValueError


def is_data_error(error: BaseException) -> bool:
    """Tell whether a stored value is at fault, so that the row that holds it can be set aside."""
    return isinstance(error, BadRow | StoreValueError | orjson.JSONDecodeError)


def is_query_error(error: BaseException) -> bool:
    """Tell whether the statement is at fault: it asks for what is not there, or is no SQL. Trying again is no use."""
    return isinstance(error, StoreNameError | DBAPIError)
