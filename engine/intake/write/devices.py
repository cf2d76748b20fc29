"""Storing devices: whose they are, and when their users were last seen with them. The only SQL that writes ``device``.

A token belongs to the user who was seen with it last.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, text

from engine.clock import Instant
from engine.content.declared import ChannelAddress
from engine.intake.rows.model import DeviceRow, Written
from engine.intake.write.profile_history import ProfileChangeRow, record_altered
from engine.intake.write.refusals import refuse_by_devices
from engine.intake.write.resolve import make_users, user_ids
from engine.store.devices import UNKNOWN, newest_token
from engine.store.dialects import Dialect
from engine.store.dialects.sets import ColumnType
from engine.store.due import Cause
from engine.store.news import add_news
from engine.store.rowset import pack, rowset

PUSH_TOKEN = "push_token"  # noqa: S105 - the name of an attribute
"""The attribute of a user that is the token of the device on which they were seen last."""


class SeenDevice(NamedTuple):
    """A device of a user whose id is known; ``seen_at`` is in UTC milliseconds.

    ``sighted`` tells whether the user was seen with it then; otherwise somebody only says that it is theirs.
    """

    user_id: int
    token: str
    platform: str
    locale: str | None
    seen_at: int
    source: str
    sighted: bool = True


class DevicesWritten(NamedTuple):
    """How many devices were new, how many changed, and the users who have other devices now, or one by another order."""

    new: int
    changed: int
    users: frozenset[int]


def write_devices(
    connection: Connection,
    dialect: Dialect,
    rows: Sequence[DeviceRow],
    now: Instant,
    channels: Sequence[ChannelAddress],
) -> Written:
    """Write devices in the caller's transaction; create users who do not exist yet.

    What was seen earlier than the stored sighting of a token changes nothing. A row that does not say when its user was seen
    is no sighting. Refusals of a device's user are noted for its
    token on ``channels``.
    """
    if not rows:
        return Written(0, 0, 0)
    keys = {row.user for row in rows}
    ids = user_ids(connection, dialect, keys)
    first_seen: dict[str, int] = {}
    for row in rows:
        if row.user not in ids:
            seen_at = _seen_at(row, now)
            first_seen[row.user] = min(first_seen.get(row.user, seen_at), seen_at)
    made = make_users(connection, dialect, first_seen, now) if first_seen else None
    ids |= made.ids if made else {}
    seen = [
        SeenDevice(
            ids[row.user], row.token, row.platform, row.locale, _seen_at(row, now), row.source, row.seen_at is not None
        )
        for row in rows
    ]
    done = note_devices(connection, dialect, seen, now, channels)
    same = len({row.token for row in rows}) - done.new - done.changed
    return Written(done.new, done.changed, same, users_made=made.new if made else 0)


def note_devices(
    connection: Connection,
    dialect: Dialect,
    seen: Sequence[SeenDevice],
    now: Instant,
    channels: Sequence[ChannelAddress],
) -> DevicesWritten:
    """Write devices of known users; see ``write_devices``. Users of whom another device is now the last are due at once."""
    latest = _latest(seen)
    if not latest:
        return DevicesWritten(0, 0, frozenset())
    owners = _owners(connection, dialect, latest)
    users = {one.user_id for one in latest.values()} | set(owners.values())
    _lock_users(connection, dialect, users)
    before = _newest(connection, dialect, users)
    # In one order, so that two imports of the same devices wait for each other instead of deadlocking.
    ordered = sorted(latest.values(), key=lambda one: one.token)
    written = {
        token
        for sighted in (True, False)
        for token in _upsert(
            connection, dialect, [one for one in ordered if one.sighted is sighted], now, sighted=sighted
        )
    }
    changed = [latest[token] for token in sorted(written)]
    refuse_by_devices(connection, dialect, channels, {one.user_id for one in changed})
    after = _newest(connection, dialect, users)
    moved = frozenset(user for user in users if before.get(user) != after.get(user))
    sources = {one.user_id: one.source for one in ordered}
    _record(connection, dialect, [(user, before.get(user), after.get(user)) for user in sorted(moved)], sources, now)
    add_news(connection, dialect, sorted(moved), Cause.IMPORT)
    new = len(written - owners.keys())
    return DevicesWritten(new, len(written) - new, moved | {one.user_id for one in changed})


def forget_devices(connection: Connection, dialect: Dialect, users: Collection[int], source: str, now: Instant) -> None:
    """Remove all devices of ``users``; the caller holds these users' locks."""
    if not users:
        return
    before = _newest(connection, dialect, users)
    these = rowset(dialect, "rows", id="BIGINT")
    removing = text(f"DELETE FROM device WHERE user_id IN (SELECT r.id FROM {these} AS r)")
    connection.execute(removing, {"rows": pack([[user] for user in sorted(users)])})
    gone = [(user, token, None) for user, token in sorted(before.items())]
    _record(connection, dialect, gone, dict.fromkeys(before, source), now)
    add_news(connection, dialect, sorted(before), Cause.IMPORT)


def _seen_at(row: DeviceRow, now: Instant) -> int:
    return now if row.seen_at is None else min(row.seen_at, now)


def _latest(seen: Iterable[SeenDevice]) -> dict[str, SeenDevice]:
    """Return token -> its latest sighting; of several at one instant, the last given."""
    found: dict[str, SeenDevice] = {}
    for one in seen:
        known = found.get(one.token)
        if known is None or (one.sighted, one.seen_at) >= (known.sighted, known.seen_at):
            found[one.token] = one
    return found


def _owners(connection: Connection, dialect: Dialect, tokens: Iterable[str]) -> dict[str, int]:
    given = rowset(dialect, "rows", token="TEXT")  # noqa: S106 - a column's type
    query = text(f"SELECT d.token, d.user_id FROM {given} AS r JOIN device AS d ON d.token = r.token")
    return {row.token: row.user_id for row in connection.execute(query, {"rows": pack([[one] for one in tokens])})}


def _lock_users(connection: Connection, dialect: Dialect, users: Iterable[int]) -> None:
    given = rowset(dialect, "rows", id="BIGINT")
    those = f"SELECT u.id FROM {given} AS r JOIN users AS u ON u.id = r.id ORDER BY u.id"
    dialect.lock_selected(connection, those, "u", {"rows": pack([[user] for user in sorted(users)])})


def _newest(connection: Connection, dialect: Dialect, users: Iterable[int]) -> dict[int, str]:
    given = rowset(dialect, "rows", id="BIGINT")
    query = text(f"SELECT r.id, {newest_token('r.id')} AS token FROM {given} AS r")
    found = connection.execute(query, {"rows": pack([[user] for user in sorted(users)])})
    return {row.id: row.token for row in found if row.token is not None}


_COLUMNS: Mapping[str, ColumnType] = {
    "user_id": "BIGINT", "platform": "TEXT", "token": "TEXT", "locale": "TEXT", "seen_at": "BIGINT",
}  # fmt: skip
_KNOWN_PLATFORM = f"CASE WHEN excluded.platform = '{UNKNOWN}' THEN device.platform ELSE excluded.platform END"
_DIFFERS = (
    f"(device.user_id <> excluded.user_id OR device.platform <> {_KNOWN_PLATFORM}"
    " OR coalesce(excluded.locale, device.locale, '') <> coalesce(device.locale, '')"
)
_SIGHTED = (
    "last_seen_at = excluded.last_seen_at WHERE excluded.last_seen_at >= device.last_seen_at AND"
    f" {_DIFFERS} OR device.last_seen_at <> excluded.last_seen_at)"
)
_STATED = (
    "last_seen_at = CASE WHEN device.user_id = excluded.user_id THEN device.last_seen_at ELSE excluded.last_seen_at END"
    f" WHERE {_DIFFERS})"
)


def _upsert(
    connection: Connection, dialect: Dialect, rows: Sequence[SeenDevice], now: Instant, *, sighted: bool
) -> list[str]:
    """Write what is new; return the tokens that were written."""
    if not rows:
        return []
    given = dialect.rows("rows", _COLUMNS)
    upsert = text(
        "INSERT INTO device (user_id, platform, token, locale, last_seen_at, created_at)"
        f" SELECT r.user_id, r.platform, r.token, r.locale, r.seen_at, :now FROM {given} AS r WHERE true"
        f" ON CONFLICT (token) DO UPDATE SET user_id = excluded.user_id, platform = {_KNOWN_PLATFORM},"
        f" locale = coalesce(excluded.locale, device.locale), {_SIGHTED if sighted else _STATED} RETURNING token"
    )
    packed = pack([[one.user_id, one.platform, one.token, one.locale, one.seen_at] for one in rows])
    return list(connection.execute(upsert, {"rows": packed, "now": now}).scalars())


def _record(
    connection: Connection,
    dialect: Dialect,
    changes: Iterable[tuple[int, str | None, str | None]],
    sources: Mapping[int, str],
    now: Instant,
) -> None:
    """Record of whom another device is now the last; a user's first device is no change.

    A device that now belongs to another user was taken from the former by what is said of the latter.
    """
    otherwise = next(iter(sources.values()), "")
    altered = [
        ProfileChangeRow(user, PUSH_TOKEN, old, new, sources.get(user, otherwise))
        for user, old, new in changes
        if old is not None
    ]
    record_altered(connection, dialect, altered, now)
