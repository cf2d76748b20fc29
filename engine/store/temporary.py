"""Temporary tables: the sets that one transaction works on."""

from sqlalchemy import Connection, text

from engine.clock import Instant
from engine.store.dialect import Dialect
from engine.store.due import CAUSE_SQL

DUE_USER = "due_user"
"""The users of the chunk at hand, and why they are looked at: ``due_user(user_id, cause)``."""


def temporary(connection: Connection, dialect: Dialect, name: str, columns: str, *, clustered: bool = False) -> None:
    """Make an empty temporary table that lasts for this transaction, whatever was there under its name.

    ``clustered``: rows are looked up by a primary key that is more than one integer; SQLite then keeps them in it.
    """
    drop_temporary(connection, name)
    keeping = " WITHOUT ROWID" if clustered else ""
    ending = keeping if dialect is Dialect.SQLITE else " ON COMMIT DROP"
    connection.execute(text(f"CREATE TEMPORARY TABLE {name} ({columns}){ending}"))


def drop_temporary(connection: Connection, name: str) -> None:
    """Drop a temporary table where there is one."""
    connection.execute(text(f"DROP TABLE IF EXISTS {name}"))


def user_key(dialect: Dialect) -> str:
    """Return the column ``user_id`` as the key of a temporary table; SQLite needs no index beside it only if INTEGER."""
    return f"user_id {'INTEGER' if dialect is Dialect.SQLITE else 'BIGINT'} PRIMARY KEY"


def take_due_users(connection: Connection, dialect: Dialect, now: Instant, limit: int) -> int:
    """Fill ``due_user`` with up to ``limit`` users who are due; return how many they are.

    On PostgreSQL they are locked, and users whom another worker has locked are passed over.
    """
    temporary(connection, dialect, DUE_USER, f"{user_key(dialect)}, cause TEXT")
    locking = "" if dialect is Dialect.SQLITE else " FOR UPDATE SKIP LOCKED"
    taken = connection.execute(
        text(
            f"INSERT INTO {DUE_USER} (user_id, cause) SELECT user_id, {CAUSE_SQL} FROM user_state"
            f" WHERE due_at <= :now ORDER BY due_at LIMIT :limit{locking}"
        ),
        {"now": now, "limit": limit},
    )
    analyse(connection, dialect, DUE_USER)
    return taken.rowcount


def analyse(connection: Connection, dialect: Dialect, name: str) -> None:
    """Tell the planner how large a temporary table is.

    PostgreSQL would plan for a thousand rows, SQLite for a million: it would read all events to find those of a few
    users.
    """
    connection.execute(text(f"ANALYZE {name}" if dialect is Dialect.POSTGRES else f"ANALYZE temp.{name}"))
