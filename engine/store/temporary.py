"""Temporary tables: the sets that one transaction works on."""

from sqlalchemy import Connection, text

from engine.store.dialects import Dialect

DUE_USER = "due_user"
"""The users of the current chunk, and why they are evaluated: ``due_user(user_id, cause)``. Filled by ``store.due``."""


def temporary(connection: Connection, dialect: Dialect, name: str, columns: str, *, clustered: bool = False) -> None:
    """Create an empty temporary table for this transaction, replacing any earlier one of that name.

    ``clustered``: rows are looked up by a primary key that is not a single integer.
    """
    drop_temporary(connection, name)
    connection.execute(text(dialect.create_temporary(name, columns, clustered=clustered)))


def drop_temporary(connection: Connection, name: str) -> None:
    """Drop a temporary table if it exists."""
    connection.execute(text(f"DROP TABLE IF EXISTS {name}"))


def user_key(dialect: Dialect) -> str:
    """Return the column ``user_id`` as a temporary table's key."""
    return f"user_id {dialect.key_type} PRIMARY KEY"


def analyse(connection: Connection, dialect: Dialect, name: str, *columns: str) -> None:
    """Tell the planner how large a temporary table is, and what is in its ``columns``, or in all of them if none are named."""
    connection.execute(text(dialect.analyse_temporary(name, columns)))
