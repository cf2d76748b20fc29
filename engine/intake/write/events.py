"""Storing events: set-wise, idempotent by event key; only users with new events become due."""

import json
from collections.abc import Sequence
from itertools import repeat

from sqlalchemy import Connection, text

from engine.clock import Instant
from engine.intake.rows.model import EventTuple, Written
from engine.intake.write.resolve import ResolvedUsers, listed, make_users, user_ids
from engine.store.dialect import Dialect
from engine.store.due import due_by_events
from engine.store.temporary import analyse, temporary

_INSERT_SQLITE = """
INSERT INTO event (key, user_id, name, at, received_at, amount, properties)
VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING
"""
# Ids are in the order of the file, so that of two events at the same instant the later row has the higher id.
_STAGE = (
    "id bigint DEFAULT nextval(pg_get_serial_sequence('event', 'id')),"
    " key text, user_id bigint, name text, at bigint, received_at bigint, amount bigint, properties jsonb"
)
_COPY = "COPY intake_event (key, user_id, name, at, received_at, amount, properties) FROM STDIN"
# In the order of keys, so that two imports of the same events wait for each other instead of deadlocking.
_INSERT_POSTGRES = """
WITH made AS (
    INSERT INTO event (id, key, user_id, name, at, received_at, amount, properties)
    SELECT id, key, user_id, name, at, received_at, amount, properties FROM intake_event ORDER BY key, id
    ON CONFLICT (key) DO NOTHING
    RETURNING user_id, at
), noted AS (
    INSERT INTO intake_fresh SELECT user_id, min(at), max(at) FROM made GROUP BY user_id
)
SELECT count(*) FROM made
"""
_Stored = tuple[str, int, str, int, int, int | None, str | None]


def write_events(connection: Connection, dialect: Dialect, rows: Sequence[EventTuple], now: Instant) -> Written:
    """Write events in the caller's transaction; create users who do not exist yet.

    An event whose key already exists changes nothing. A user with a new event becomes due at the event's instant (that
    is, now, for a past event), and ``first_seen_at`` becomes no later than it.
    """
    if not rows:
        return Written(0, 0, 0)
    users = {row[1] for row in rows}
    ids = user_ids(connection, dialect, users)
    made = _make_missing(connection, dialect, users - ids.keys(), rows, now)
    ids |= made.ids
    # Users still missing are referred to only by events that already exist.
    new_rows = rows if len(ids) == len(users) else [row for row in rows if row[1] in ids]
    if not new_rows:
        return Written(0, 0, len(rows))
    keys, owners, names, ats, amounts, properties = zip(*new_rows, strict=True)
    owner = map(ids.__getitem__, owners)
    stored = list(zip(keys, owner, names, ats, repeat(int(now)), amounts, properties, strict=False))
    temporary(connection, dialect, "intake_fresh", "user_id BIGINT PRIMARY KEY, at BIGINT, newest BIGINT")
    insert = _insert_sqlite if dialect is Dialect.SQLITE else _insert_postgres
    new = insert(connection, stored)
    if new:
        _touch_users(connection, dialect, now)
    return Written(new, 0, len(rows) - new, users_made=made.new)


def _make_missing(
    connection: Connection, dialect: Dialect, missing: set[str], rows: Sequence[EventTuple], now: Instant
) -> ResolvedUsers:
    """Create those of the ``missing`` users who have a new event, first seen at their earliest event."""
    if not missing:
        return ResolvedUsers({}, 0)
    there = _keys_there(connection, dialect, [row[0] for row in rows if row[1] in missing])
    earliest: dict[str, int] = {}
    for key, user, _name, at, _amount, _properties in rows:
        if key not in there:
            there.add(key)
            if user in missing and at < earliest.get(user, at + 1):
                earliest[user] = at
    return make_users(connection, dialect, earliest, now) if earliest else ResolvedUsers({}, 0)


def _keys_there(connection: Connection, dialect: Dialect, keys: Sequence[str]) -> set[str]:
    wanted = f"SELECT e.key FROM {listed(dialect, 'keys')} JOIN event e ON e.key = k.value"
    return set(connection.execute(text(wanted), {"keys": json.dumps(keys)}).scalars())


def _insert_sqlite(connection: Connection, stored: list[_Stored]) -> int:
    # This transaction holds the only write lock, so ids above the current highest are its own.
    before = connection.execute(text("SELECT coalesce(max(id), 0) FROM event")).scalar_one()
    new = connection.exec_driver_sql(_INSERT_SQLITE, stored).rowcount
    if new:
        connection.execute(
            text(
                "INSERT INTO intake_fresh SELECT user_id, min(at), max(at) FROM event WHERE id > :before"
                " GROUP BY user_id"
            ),
            {"before": before},
        )
    return new


def _insert_postgres(connection: Connection, stored: list[_Stored]) -> int:
    temporary(connection, Dialect.POSTGRES, "intake_event", _STAGE)
    driver = connection.connection.driver_connection
    if driver is None:
        raise RuntimeError("the connection was closed before its events were written")
    with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
        for row in stored:
            copy.write_row(row)
    analyse(connection, Dialect.POSTGRES, "intake_event")
    return int(connection.execute(text(_INSERT_POSTGRES)).scalar_one())


def _touch_users(connection: Connection, dialect: Dialect, now: Instant) -> None:
    """Make the users in ``intake_fresh`` due and first seen no later than at their earliest new event."""
    analyse(connection, dialect, "intake_fresh")
    if dialect is Dialect.POSTGRES:
        # Locked in one order, because ticks and other imports lock users too.
        connection.execute(
            text(
                "SELECT s.user_id FROM user_state s JOIN intake_fresh f USING (user_id) "
                "ORDER BY s.user_id FOR UPDATE OF s"
            )
        )
    due_by_events(connection, "intake_fresh", now)
    connection.execute(
        text(
            "UPDATE users SET first_seen_at = f.at, updated_at = :now FROM intake_fresh f "
            "WHERE users.id = f.user_id AND f.at < users.first_seen_at"
        ),
        {"now": now},
    )
