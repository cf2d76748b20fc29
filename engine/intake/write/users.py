"""Storing users: a row's values are merged into the stored ones, and only users who changed become due."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from engine.clock import Instant
from engine.content.declared import ChannelAddress
from engine.intake.rows.model import Json, UserRow, Written
from engine.intake.write.consents import write_consents
from engine.intake.write.devices import SeenDevice, forget_devices, note_devices
from engine.intake.write.profile_history import altered_values, record_altered, with_history
from engine.intake.write.refusals import write_refusals
from engine.intake.write.resolve import make_users, user_ids
from engine.store.devices import UNKNOWN
from engine.store.dialects import Dialect
from engine.store.due import Cause
from engine.store.news import add_news
from engine.store.tables import JsonText

_FIELDS = ("email", "phone", "locale", "timezone", "country")


@dataclass(frozen=True, slots=True)
class _Profile:
    """The stored values of one user that a row can change."""

    fields: tuple[str | None, ...]
    first_seen_at: int
    attributes: Mapping[str, Json]

    def values(self) -> dict[str, Json]:
        """Return fields and attributes by name; a field hides an attribute with the same name."""
        return {**self.attributes, **dict(zip(_FIELDS, self.fields, strict=True))}


def write_users(
    connection: Connection, dialect: Dialect, rows: Sequence[UserRow], now: Instant, channels: Sequence[ChannelAddress]
) -> Written:
    """Write users in the caller's transaction; if a key occurs twice, the later row is merged over the earlier.

    New users, and users with a changed field, attribute or consent, are due at once; others are left unchanged. Previous
    values are recorded in ``profile_change``, and refusals for the addresses on ``channels``.
    """
    if not rows:
        return Written(0, 0, 0)
    made = _make_missing(connection, dialect, rows, now)
    profiles = _profiles(connection, {row.key for row in rows}, dialect)
    after = {key: profile for key, (_id, profile) in profiles.items()}
    for row in rows:
        after[row.key] = _lay_over(after[row.key], row)
    changed = [key for key, profile in after.items() if profile != profiles[key][1]]
    ids = {key: identity for key, (identity, _profile) in profiles.items()}
    _record(connection, dialect, rows, {key: (*profiles[key], after[key]) for key in changed if key not in made}, now)
    _update(connection, dialect, [(ids[key], after[key]) for key in changed], now)
    _note_zones(connection, {row.timezone for row in rows if row.timezone})
    devices = _write_devices(connection, dialect, rows, ids, now, channels)
    consents = write_consents(connection, dialect, rows, ids, now)
    moved = {ids[key] for key in changed if key not in made and _moved(profiles[key][1], after[key], channels)}
    refusing = moved | consents.refusing
    values = {ids[key]: profile.values() for key, profile in after.items() if ids[key] in refusing}
    write_refusals(connection, dialect, channels, values)
    add_news(connection, dialect, sorted({ids[key] for key in changed} | consents.users), Cause.IMPORT)
    others = consents.users | devices
    differ = len((set(changed) | {key for key, identity in ids.items() if identity in others}) - made)
    return Written(len(made), differ, len(ids) - len(made) - differ, refusals_kept=consents.refusals_kept)


def _write_devices(  # noqa: PLR0917 - called in one place
    connection: Connection,
    dialect: Dialect,
    rows: Iterable[UserRow],
    ids: Mapping[str, int],
    now: Instant,
    channels: Sequence[ChannelAddress],
) -> frozenset[int]:
    """Add the devices that the rows name to their users; return the users for whom that changed something."""
    stated = [row for row in rows if row.push_token is not None]
    if not stated:
        return frozenset()
    cleared = {ids[row.key]: row.source for row in stated if not row.push_token}
    for source in sorted(set(cleared.values())):
        forget_devices(connection, dialect, [user for user in cleared if cleared[user] == source], source, now)
    seen = [
        SeenDevice(ids[row.key], row.push_token, row.push_platform or UNKNOWN, None, now, row.source, sighted=False)
        for row in stated
        if row.push_token
    ]
    return note_devices(connection, dialect, seen, now, channels).users | frozenset(cleared)


def _moved(before: _Profile, after: _Profile, channels: Sequence[ChannelAddress]) -> bool:
    """Tell whether an address has changed."""
    old, new = before.values(), after.values()
    return any(old.get(one.field) != new.get(one.field) for one in channels)


def _make_missing(connection: Connection, dialect: Dialect, rows: Iterable[UserRow], now: Instant) -> set[str]:
    keys = {row.key for row in rows}
    missing = keys - user_ids(connection, dialect, keys).keys()
    if missing:
        make_users(connection, dialect, dict.fromkeys(sorted(missing), now), now)
    return missing


def _profiles(connection: Connection, keys: set[str], dialect: Dialect) -> dict[str, tuple[int, _Profile]]:
    """Return key -> (id, profile); the users are locked until the transaction ends."""
    wanted = (
        f"SELECT u.key, u.id, u.first_seen_at, u.attributes, {', '.join(f'u.{name}' for name in _FIELDS)} "
        f"FROM {dialect.elements('keys')} JOIN users u ON u.key = k.value ORDER BY u.id{dialect.lock('u')}"
    )
    found = connection.execute(text(wanted).columns(attributes=JsonText), {"keys": json.dumps(list(keys))})
    return {
        key: (identity, _Profile(tuple(fields), seen, attributes or {}))
        for key, identity, seen, attributes, *fields in found
    }


def _record(
    connection: Connection,
    dialect: Dialect,
    rows: Iterable[UserRow],
    changed: Mapping[str, tuple[int, _Profile, _Profile]],
    now: Instant,
) -> None:
    """Record the changes of existing users, given key -> (id, before, after).

    The first profile of a user whom an event created is not recorded, like that of any new user. Otherwise importing
    events before users would write a row of history for each value.
    """
    blank = {
        user_id
        for user_id, before, _after in changed.values()
        if all(value is None for value in before.values().values())
    }
    begin = blank - with_history(connection, dialect, blank)
    sources = {row.key: row.source for row in rows}
    altered = [
        one
        for key, (user_id, before, after) in changed.items()
        if user_id not in begin
        for one in altered_values(user_id, before.values(), after.values(), sources[key])
    ]
    record_altered(connection, dialect, altered, now)


def _lay_over(there: _Profile, row: UserRow) -> _Profile:
    stated = (row.email, row.phone, row.locale, row.timezone, row.country)
    fields = tuple(old if new is None else new or None for old, new in zip(there.fields, stated, strict=True))
    seen = there.first_seen_at if row.created_at is None else min(there.first_seen_at, row.created_at)
    if not row.attributes:
        return _Profile(fields, seen, there.attributes)
    merged = {**there.attributes, **row.attributes}
    return _Profile(fields, seen, {name: value for name, value in merged.items() if value is not None})


def _update(connection: Connection, dialect: Dialect, changed: Sequence[tuple[int, _Profile]], now: Instant) -> None:
    if not changed:
        return
    rows = [
        {
            "id": identity,
            **dict(zip(_FIELDS, profile.fields, strict=True)),
            "first_seen_at": profile.first_seen_at,
            "attributes": json.dumps(profile.attributes, ensure_ascii=False, allow_nan=False)
            if profile.attributes
            else None,
            "updated_at": now,
        }
        for identity, profile in changed
    ]
    updating = (
        f"UPDATE users SET {', '.join(f'{name} = :{name}' for name in _FIELDS)}, first_seen_at = :first_seen_at,"
        f" attributes = {dialect.as_json(':attributes')}, updated_at = :updated_at WHERE id = :id"
    )
    connection.execute(text(updating), rows)


def _note_zones(connection: Connection, zones: set[str]) -> None:
    if zones:
        rows = [{"name": name} for name in sorted(zones)]
        connection.execute(text("INSERT INTO zone (name) VALUES (:name) ON CONFLICT (name) DO NOTHING"), rows)
