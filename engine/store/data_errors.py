"""Whether an error in a transaction is caused by a row's value or by the program's statement.

The store has already classified the error (see ``failures``): a bad value is a ``StoreValueError``, and a database error
that the store did not convert is the program's fault.
"""

import orjson
from sqlalchemy.exc import DBAPIError

from engine.errors import BadRow, StoreNameError, StoreValueError


def is_data_error(error: BaseException) -> bool:
    """Tell whether a stored value is at fault, so that its row can be quarantined."""
    return isinstance(error, BadRow | StoreValueError | orjson.JSONDecodeError)


def is_query_error(error: BaseException) -> bool:
    """Tell whether the statement is at fault (it is not valid SQL, or uses unknown names), so a retry cannot help."""
    return isinstance(error, StoreNameError | DBAPIError)
