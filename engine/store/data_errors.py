"""Whether an error in a transaction is caused by a row's value or by the program's statement.

The store has already classified the error (see ``failures``): a bad value is a ``StoreValueError``, and a database error
that the store did not convert is the program's fault.
"""

import orjson
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from engine.errors import BadRow, StoreError, StoreNameError, StoreValueError
from engine.store.dialects.fault import Fault
from engine.store.failures import fault_of

_OF_STATEMENTS = frozenset((Fault.UNKNOWN_NAME, Fault.CONSTRAINT, Fault.OTHER))


def is_data_error(error: BaseException) -> bool:
    """Tell whether a stored value is at fault, so that its row can be quarantined."""
    return isinstance(error, BadRow | StoreValueError | orjson.JSONDecodeError)


def is_query_error(error: BaseException) -> bool:
    """Tell whether the statement is at fault (it is not valid SQL, or uses unknown names), so a retry cannot help."""
    return isinstance(error, StoreNameError | DBAPIError)


def is_code_error(error: Exception, connection: Connection | None) -> bool:
    """Tell whether neither the database nor a stored value is at fault, but the code or its statement.

    ``connection`` still has to be in the transaction in which ``error`` was raised; None if there is none.
    """
    if isinstance(error, DBAPIError) and connection is not None:
        return fault_of(connection, error) in _OF_STATEMENTS
    return not (is_data_error(error) or is_store_error(error, connection))


def is_store_error(error: Exception, connection: Connection | None = None) -> bool:
    """Tell whether the database cannot be used, rather than what it was asked to do being wrong; see ``is_code_error``."""
    if isinstance(error, DBAPIError) and connection is not None:
        return fault_of(connection, error) not in {*_OF_STATEMENTS, Fault.VALUE}
    return isinstance(error, StoreError) and not (is_query_error(error) or is_data_error(error))
