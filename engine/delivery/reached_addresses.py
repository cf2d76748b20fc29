"""The addresses that a step has reached on an occasion, or is about to reach: the only SQL that writes ``reached_address``."""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from engine.calendar.zones import local_day
from engine.clock import DAY, Instant
from engine.store.dialects import dialect_of
from engine.store.rowset import pack, rowset

KEEP = 400 * DAY
"""How long places are kept: as long as slots."""
_TAKE = (
    "INSERT INTO reached_address (day, digest, user_id, action_id)"
    " SELECT r.day, r.digest, r.user_id, r.action_id FROM {given} AS r WHERE true ORDER BY r.day, r.digest"
    " ON CONFLICT (day, digest) DO UPDATE SET action_id = excluded.action_id"
    " WHERE reached_address.user_id = excluded.user_id RETURNING action_id"
)


class ReachedPlace(NamedTuple):
    """What the message of only one user can take."""

    day: str
    """Of the occasion, ``YYYY-MM-DD``: rows of one day stand together, and are deleted together."""
    digest: str
    """A hash, which tells nobody the address, so that a row can outlive what is known of the person."""


def place_of(day: str, *parts: str) -> ReachedPlace:
    """Return the place of ``parts``: the occasion, what is sent, and the address."""
    return ReachedPlace(day, blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest())


class PlaceTaker(NamedTuple):
    """Who takes a place, with which action."""

    user_id: int
    action_id: int


def take_places(connection: Connection, wanted: Mapping[ReachedPlace, PlaceTaker]) -> frozenset[int]:
    """Take those places that nobody has or the same user has; return the actions that have theirs.

    Of two workers that want the same place, one waits for the other's transaction.
    """
    # In the order of the key, so that two workers with messages to the same addresses cannot deadlock.
    rows = [[*place, *taking] for place, taking in sorted(wanted.items())]
    given = rowset(dialect_of(connection), "rows", day="TEXT", digest="TEXT", user_id="BIGINT", action_id="BIGINT")
    return frozenset(connection.scalars(text(_TAKE.format(given=given)), {"rows": pack(rows)}))


def leave_places(connection: Connection, actions: Iterable[int]) -> None:
    """Give up the places that these actions have."""
    dialect = dialect_of(connection)
    these = dialect.among(f"SELECT r.id FROM {rowset(dialect, 'rows', id='BIGINT')} AS r")
    leaving = text(f"DELETE FROM reached_address WHERE action_id {these}")
    connection.execute(leaving, {"rows": pack([[action] for action in actions])})


def forget_places(connection: Connection, now: Instant) -> None:
    """Delete the places at occasions so long ago that none of their messages can still be waiting."""
    before = local_day(now - KEEP, ZoneInfo("UTC")).isoformat()
    connection.execute(text("DELETE FROM reached_address WHERE day < :before"), {"before": before})
