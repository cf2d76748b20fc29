"""Events into the store: set-wise, idempotent by event key, and only users with new events become due."""

from collections.abc import Sequence
from itertools import repeat

from sqlalchemy import Connection, text

from engine.clock import Instant
from engine.intake.resolve import Made, make_users, user_ids
from engine.intake.rows import EventTuple, Written
from engine.store.dialect import Dialect
from engine.store.temporary import analyse, temporary

_INSERT_SQLITE = """
INSERT INTO event (key, user_id, name, at, received_at, amount, properties)
VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING
"""
_STAGE = "key text, user_id bigint, name text, at bigint, received_at bigint, amount bigint, properties jsonb"
_COPY = "COPY intake_event (key, user_id, name, at, received_at, amount, properties) FROM STDIN"
# In the order of the keys: two imports of the same events then wait for each other instead of both for ever.
_INSERT_POSTGRES = """
WITH made AS (
    INSERT INTO event (key, user_id, name, at, received_at, amount, properties)
    SELECT key, user_id, name, at, received_at, amount, properties FROM intake_event ORDER BY key
    ON CONFLICT (key) DO NOTHING
    RETURNING user_id, at
), noted AS (
    INSERT INTO intake_fresh SELECT user_id, min(at) FROM made GROUP BY user_id
)
SELECT count(*) FROM made
"""
_Stored = tuple[str, int, str, int, int, int | None, str | None]


def write_events(connection: Connection, dialect: Dialect, rows: Sequence[EventTuple], now: Instant) -> Written:
    """Write events within the caller's transaction; users whom they name and who are not there are made.

    An event whose key is there already changes nothing. A user with a new event becomes due at the event's instant
    (which for one of the past means now) and has ``first_seen_at`` lowered to it.
    """
    if not rows:
        return Written(0, 0, 0)
    keys, users, names, ats, amounts, properties = zip(*rows, strict=True)
    ids = user_ids(connection, dialect, set(users))
    made = _make_missing(connection, dialect, set(users) - ids.keys(), rows, now)
    ids |= made.ids
    user = map(ids.__getitem__, users)
    stored = list(zip(keys, user, names, ats, repeat(int(now)), amounts, properties, strict=False))
    temporary(connection, dialect, "intake_fresh", "user_id BIGINT PRIMARY KEY, at BIGINT")
    insert = _insert_sqlite if dialect is Dialect.SQLITE else _insert_postgres
    new = insert(connection, stored)
    if new:
        _touch_users(connection, dialect, now)
    return Written(new, 0, len(rows) - new, users_made=made.new)


def _make_missing(
    connection: Connection, dialect: Dialect, missing: set[str], rows: Sequence[EventTuple], now: Instant
) -> Made:
    """Make the users who are ``missing``, first seen at the earliest of these events."""
    earliest: dict[str, int] = {}
    if not missing:
        return Made(earliest, 0)
    for _key, user, _name, at, _amount, _properties in rows:
        if user in missing and at < earliest.get(user, at + 1):
            earliest[user] = at
    return make_users(connection, dialect, earliest, now)


def _insert_sqlite(connection: Connection, stored: list[_Stored]) -> int:
    # This transaction holds the only write lock, so ids above the present highest are its own.
    before = connection.execute(text("SELECT coalesce(max(id), 0) FROM event")).scalar_one()
    new = connection.exec_driver_sql(_INSERT_SQLITE, stored).rowcount
    if new:
        connection.execute(
            text("INSERT INTO intake_fresh SELECT user_id, min(at) FROM event WHERE id > :before GROUP BY user_id"),
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
    """Make the users in ``intake_fresh`` due, and first seen, no later than at their earliest new event."""
    analyse(connection, dialect, "intake_fresh")
    if dialect is Dialect.POSTGRES:
        # Locked in one order, for the tick and other imports lock users too.
        connection.execute(
            text(
                "SELECT s.user_id FROM user_state s JOIN intake_fresh f USING (user_id) "
                "ORDER BY s.user_id FOR UPDATE OF s"
            )
        )
    connection.execute(
        text(
            "UPDATE user_state SET due_at = f.at FROM intake_fresh f "
            "WHERE user_state.user_id = f.user_id AND f.at < user_state.due_at"
        )
    )
    connection.execute(
        text(
            "UPDATE users SET first_seen_at = f.at, updated_at = :now FROM intake_fresh f "
            "WHERE users.id = f.user_id AND f.at < users.first_seen_at"
        ),
        {"now": now},
    )
