"""Resolving the brand's user keys to our ids, a chunk at a time, and creating users of whom only the key is known."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

from engine.clock import Instant
from engine.store.dialect import Dialect
from engine.store.due import make_states

_TEXTS = {
    Dialect.SQLITE: "json_each(:{0})",
    Dialect.POSTGRES: "jsonb_array_elements_text(CAST(:{0} AS jsonb))",
}
# In the order of keys, so that two imports of the same users wait for each other instead of deadlocking.
_MAKE_USERS = {
    Dialect.SQLITE: "INSERT INTO users (key, first_seen_at, updated_at) "
    "SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), :now FROM json_each(:seen) WHERE true "
    "ON CONFLICT (key) DO NOTHING",
    Dialect.POSTGRES: "INSERT INTO users (key, first_seen_at, updated_at) "
    "SELECT value ->> 0, CAST(value ->> 1 AS bigint), :now FROM jsonb_array_elements(CAST(:seen AS jsonb)) k(value) "
    "ORDER BY 1 ON CONFLICT (key) DO NOTHING",
}


@dataclass(frozen=True, slots=True)
class ResolvedUsers:
    """Key -> id of users who now exist, and how many of them the call created."""

    ids: Mapping[str, int]
    new: int


def listed(dialect: Dialect, parameter: str) -> str:
    """Return a table ``k(value)`` for a FROM clause: the elements of the JSON list bound to ``parameter``, as text.

    It is a single parameter, because databases limit the number of parameters of a statement.
    """
    return f"{_TEXTS[dialect].format(parameter)} AS k{'' if dialect is Dialect.SQLITE else '(value)'}"


def user_ids(connection: Connection, dialect: Dialect, keys: Collection[str]) -> dict[str, int]:
    """Return key -> id of those of ``keys`` that exist."""
    wanted = f"SELECT u.key, u.id FROM {listed(dialect, 'keys')} JOIN users u ON u.key = k.value"
    found = connection.execute(text(wanted), {"keys": json.dumps(list(keys))})
    # Directly from the driver: a chunk has thousands of rows, and SQLAlchemy's rows cost more than the look-up.
    return dict(found.cursor.fetchall())


def make_users(connection: Connection, dialect: Dialect, first_seen: Mapping[str, int], now: Instant) -> ResolvedUsers:
    """Create users of whom only the key and ``first_seen_at`` are known; they are due at once."""
    seen = json.dumps(list(first_seen.items()))
    new = connection.execute(text(_MAKE_USERS[dialect]), {"seen": seen, "now": now}).rowcount
    ids = user_ids(connection, dialect, first_seen)
    make_states(connection, dialect, list(ids.values()))
    return ResolvedUsers(ids, new)
