"""Temporary tables: the sets that one transaction works on."""

from sqlalchemy import Connection, text

from engine.clock import Instant
from engine.store.dialects import Dialect
from engine.store.due import CAUSE_SQL

DUE_USER = "due_user"
"""The users of the current chunk, and why they are evaluated: ``due_user(user_id, cause)``."""


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


def take_due_users(connection: Connection, dialect: Dialect, now: Instant, limit: int) -> int:
    """Fill ``due_user`` with up to ``limit`` due users; return how many there are.

    They are locked, and users whom another worker has locked are skipped.
    """
    temporary(connection, dialect, DUE_USER, f"{user_key(dialect)}, cause TEXT")
    taken = connection.execute(
        text(
            f"INSERT INTO {DUE_USER} (user_id, cause) SELECT user_id, {CAUSE_SQL} FROM user_state"
            f" WHERE due_at <= :now ORDER BY due_at LIMIT :limit{dialect.lock_free()}"
        ),
        {"now": now, "limit": limit},
    )
    analyse(connection, dialect, DUE_USER)
    return taken.rowcount


def analyse(connection: Connection, dialect: Dialect, name: str) -> None:
    """Tell the planner how large a temporary table is."""
    connection.execute(text(dialect.analyse_temporary(name)))
