"""The gate by which one address gets one marketing message of one step, however many users have the address.

The first of them whose message is handed off takes the address's place at the step, for the occasion: the slot of a
schedule, or the day of any other trigger. Messages of other classes are about a user's own dealings, so two users who share an
address both get theirs.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from engine.actions.described_enum import DescribedEnum
from engine.calendar.zones import local_day, zone_or
from engine.clock import DAY, Instant
from engine.delivery.gates.base import PASS, Gate, Refuse, Verdict
from engine.delivery.pending_message import GateContext, PendingMessage
from engine.playbooks.triggers.date import OCCURRENCE as DATE
from engine.playbooks.triggers.schedule import OCCURRENCE as SLOT
from engine.store.dialects import dialect_of
from engine.store.rowset import pack, rowset

KEEP = 400 * DAY
"""How long places are kept: as long as slots."""


class DuplicateReason(DescribedEnum):
    """Why this gate refuses."""

    ADDRESS_HAS_IT = "address_has_it", "Another user with the same address gets this message on the same occasion."


class _Place(NamedTuple):
    """What only one user's message can take. The hash tells nobody the address, so rows can outlive the address's owner."""

    day: str
    """Of the occasion, ``YYYY-MM-DD``: rows of one day stand together, and are deleted together."""
    digest: str


_HAS_IT = Refuse(DuplicateReason.ADDRESS_HAS_IT, final=True)


def _judge(_message: PendingMessage, _: None, _context: GateContext) -> Verdict:
    return PASS


def _reserve(connection: Connection, messages: Sequence[PendingMessage], context: GateContext) -> Mapping[int, Verdict]:
    wanted: dict[_Place, PendingMessage] = {}
    refused: dict[int, Verdict] = {}
    for message in messages:
        place = _place(message, context.brand_zone)
        if place is not None and wanted.setdefault(place, message).user_id != message.user_id:
            refused[message.action_id] = _HAS_IT
    if wanted:
        # In the order of the key, so that two workers with messages to the same addresses cannot deadlock.
        rows = [[*place, one.user_id, one.action_id] for place, one in sorted(wanted.items(), key=lambda item: item[0])]
        given = rowset(dialect_of(connection), "rows", day="TEXT", digest="TEXT", user_id="BIGINT", action_id="BIGINT")
        placed = frozenset(connection.scalars(text(_TAKE.format(given=given)), {"rows": pack(rows)}))
        refused |= {one.action_id: _HAS_IT for one in wanted.values() if one.action_id not in placed}
    return refused


_TAKE = (
    "INSERT INTO reached_address (day, digest, user_id, action_id)"
    " SELECT r.day, r.digest, r.user_id, r.action_id FROM {given} AS r WHERE true ORDER BY r.day, r.digest"
    " ON CONFLICT (day, digest) DO UPDATE SET action_id = excluded.action_id"
    " WHERE reached_address.user_id = excluded.user_id RETURNING action_id"
)


def _place(message: PendingMessage, brand_zone: str) -> _Place | None:
    """Return the place that the message takes; None if it needs none."""
    if message.message_class != "marketing" or message.suppression_form is None or message.occasion is None:
        return None
    kind, _, slot = message.occasion.occurrence.partition(":")
    at, home = message.occasion.at, ZoneInfo(brand_zone)
    if kind == SLOT:
        day = slot[:10]
    else:
        # A date is a local day, which begins at another instant in each zone; whatever else happens is an instant.
        slot = day = local_day(at, zone_or(message.timezone, home) if kind == DATE else home).isoformat()
    parts = (message.channel, message.playbook, message.step, slot, message.suppression_form)
    return _Place(day, blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest())


def _release(connection: Connection, actions: Sequence[int]) -> None:
    dialect = dialect_of(connection)
    these = dialect.among(f"SELECT r.id FROM {rowset(dialect, 'rows', id='BIGINT')} AS r")
    leaving = text(f"DELETE FROM reached_address WHERE action_id {these}")
    connection.execute(leaving, {"rows": pack([[action] for action in actions])})


def forget_places(connection: Connection, now: Instant) -> None:
    """Delete the places at occasions so long ago that none of their messages can still be waiting."""
    before = local_day(now - KEEP, ZoneInfo("UTC")).isoformat()
    connection.execute(text("DELETE FROM reached_address WHERE day < :before"), {"before": before})


DUPLICATE = Gate("duplicate", _judge, tuple(DuplicateReason), reserve=_reserve, release=_release)
