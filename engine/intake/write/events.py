"""Storing events: set-wise, idempotent by event key; only users with new events become due."""

import json
from collections.abc import Sequence
from itertools import repeat

from sqlalchemy import Connection, text

from engine.clock import Instant
from engine.content.declared import ChannelAddress
from engine.intake.rows.device_rows import DEVICE_SEEN, device_of
from engine.intake.rows.model import DeviceRow, EventTuple, Written
from engine.intake.write.devices import write_devices
from engine.intake.write.resolve import ResolvedUsers, make_users, user_ids
from engine.store.dialects import Dialect
from engine.store.dialects.sets import Load
from engine.store.news import add_news_of_events
from engine.store.temporary import analyse, temporary

_LOAD = Load(
    table="event",
    key="key",
    columns={
        "key": "TEXT",
        "user_id": "BIGINT",
        "name": "TEXT",
        "at": "BIGINT",
        "received_at": "BIGINT",
        "amount": "BIGINT",
        "properties": "JSON",
    },
    noted=("user_id", "at"),
    note=lambda new: f"INSERT INTO intake_fresh SELECT user_id, min(at), max(at) FROM {new} GROUP BY user_id",
)
"""Ids are in the order of the file, so that of two events at the same instant the later row has the higher id."""


def write_events(
    connection: Connection,
    dialect: Dialect,
    rows: Sequence[EventTuple],
    now: Instant,
    channels: Sequence[ChannelAddress] = (),
) -> Written:
    """Write events in the caller's transaction; create users who do not exist yet.

    An event whose key already exists changes nothing. A user with a new event becomes due at the event's instant (that
    is, now, for a past event), and ``first_seen_at`` becomes no later than it. Devices of which new events tell are
    written, and for their tokens the refusals on ``channels``.
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
    new_rows, devices = _devices_apart(connection, dialect, new_rows)
    keys, owners, names, ats, amounts, properties = zip(*new_rows, strict=True)
    owner = map(ids.__getitem__, owners)
    stored = list(zip(keys, owner, names, ats, repeat(int(now)), amounts, properties, strict=False))
    temporary(connection, dialect, "intake_fresh", "user_id BIGINT PRIMARY KEY, at BIGINT, newest BIGINT")
    new = dialect.insert_new(connection, _LOAD, stored)
    if new:
        _touch_users(connection, dialect, now)
    write_devices(connection, dialect, devices, now, channels)  # last: keys of events are locked before users
    return Written(new, 0, len(rows) - new, users_made=made.new)


def _devices_apart(
    connection: Connection, dialect: Dialect, rows: Sequence[EventTuple]
) -> tuple[Sequence[EventTuple], list[DeviceRow]]:
    """Return ``rows`` as they are kept, without tokens, and the devices of which those tell that are new."""
    told = {place: device_of(row) for place, row in enumerate(rows) if row[2] == DEVICE_SEEN}
    if not told:
        return rows, []
    there = _keys_there(connection, dialect, [kept[0] for _, kept in told.values()])
    kept_rows = [told[place][1] if place in told else row for place, row in enumerate(rows)]
    return kept_rows, [device for device, kept in told.values() if kept[0] not in there]


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
    wanted = f"SELECT e.key FROM {dialect.elements('keys')} JOIN event e ON e.key = k.value"
    return set(connection.execute(text(wanted), {"keys": json.dumps(keys)}).scalars())


def _touch_users(connection: Connection, dialect: Dialect, now: Instant) -> None:
    """Make the users in ``intake_fresh`` due and first seen no later than at their earliest new event."""
    analyse(connection, dialect, "intake_fresh")
    seen_before = "u.id = f.user_id AND f.at < u.first_seen_at"
    those = f"SELECT u.id FROM users AS u JOIN intake_fresh AS f ON {seen_before} ORDER BY u.id"
    dialect.lock_selected(connection, those, "u")
    connection.execute(
        text(
            f"UPDATE users AS u SET first_seen_at = f.at, updated_at = :now FROM intake_fresh AS f WHERE {seen_before}"
        ),
        {"now": now},
    )
    add_news_of_events(connection, "intake_fresh", now)
