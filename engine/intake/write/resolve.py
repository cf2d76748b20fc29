"""Resolving the brand's user keys to our ids, a chunk at a time, and creating users of whom only the key is known."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

from engine.clock import Instant
from engine.store.dialects import Dialect
from engine.store.due import Cause
from engine.store.news import add_news
from engine.store.rowset import pack, rowset


@dataclass(frozen=True, slots=True)
class ResolvedUsers:
    """Key -> id of users who now exist, and how many of them the call created."""

    ids: Mapping[str, int]
    new: int


def user_ids(connection: Connection, dialect: Dialect, keys: Collection[str]) -> dict[str, int]:
    """Return key -> id of those of ``keys`` that exist."""
    wanted = f"SELECT u.key, u.id FROM {dialect.elements('keys')} JOIN users u ON u.key = k.value"
    found = connection.execute(text(wanted), {"keys": json.dumps(list(keys))})
    # Directly from the driver: a chunk has thousands of rows, and SQLAlchemy's rows cost more than the look-up.
    return dict(found.cursor.fetchall())


def make_users(connection: Connection, dialect: Dialect, first_seen: Mapping[str, int], now: Instant) -> ResolvedUsers:
    """Create users of whom only the key and ``first_seen_at`` are known; they are due at once."""
    seen = rowset(dialect, "seen", key="TEXT", first_at="BIGINT")
    # In the order of keys, so that two imports of the same users wait for each other instead of deadlocking.
    making = text(
        "INSERT INTO users (key, first_seen_at, updated_at)"
        f" SELECT r.key, r.first_at, :now FROM {seen} AS r WHERE true ORDER BY r.key ON CONFLICT (key) DO NOTHING"
    )
    new = connection.execute(making, {"seen": pack(list(first_seen.items())), "now": now}).rowcount
    ids = user_ids(connection, dialect, first_seen)
    add_news(connection, dialect, list(ids.values()), Cause.BEHAVIOUR)
    return ResolvedUsers(ids, new)
