"""The gate by which one address gets one marketing message of one step, however many users have the address.

The first of them whose message is handed off takes the address's place at the step, for the occasion: the slot of a
schedule, or the day of any other trigger. Messages of other classes are about a user's own dealings, so two users who share an
address both get theirs.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from engine.actions.described_enum import DescribedEnum
from engine.calendar.zones import local_day, zone_or
from engine.delivery.gates.base import PASS, Gate, Refuse, Verdict
from engine.delivery.pending_message import GateContext, PendingMessage
from engine.delivery.reached_addresses import PlaceTaker, ReachedPlace, leave_places, place_of, take_places
from engine.playbooks.triggers.base import LOCAL_DAY

_OF_A_DAY = re.compile(r"\d{4}-\d{2}-\d{2}").match


class DuplicateReason(DescribedEnum):
    """Why this gate refuses."""

    ADDRESS_HAS_IT = "address_has_it", "Another user with the same address gets this message on the same occasion."


_HAS_IT = Refuse(DuplicateReason.ADDRESS_HAS_IT, final=True)


def _judge(_message: PendingMessage, _: None, _context: GateContext) -> Verdict:
    return PASS  # it is decided at the hand-off


def _reserve(connection: Connection, messages: Sequence[PendingMessage], context: GateContext) -> Mapping[int, Verdict]:
    wanted: dict[ReachedPlace, PlaceTaker] = {}
    refused: dict[int, Verdict] = {}
    for message in messages:
        place = _place(message, context.brand_zone)
        if place is not None:
            first = wanted.setdefault(place, PlaceTaker(message.user_id, message.action_id))
            if first.user_id != message.user_id:
                refused[message.action_id] = _HAS_IT
    if wanted:
        placed = take_places(connection, wanted)
        refused |= {one.action_id: _HAS_IT for one in wanted.values() if one.action_id not in placed}
    return refused


def _place(message: PendingMessage, brand_zone: str) -> ReachedPlace | None:
    """Return the place that the message takes; None if it needs none."""
    if message.message_class != "marketing" or message.suppression_form is None or message.occasion is None:
        return None
    kind, _, slot = message.occasion.occurrence.partition(":")
    if found := _OF_A_DAY(slot):
        day = found[0]
    else:
        # A date is a local day, which begins at another instant in each zone; whatever else happens is an instant.
        slot = day = _day(message.occasion.at, (message.timezone or "") if kind == LOCAL_DAY else "", brand_zone)
    return place_of(day, message.channel, message.playbook, message.step, slot, message.suppression_form)


@lru_cache(maxsize=4096)
def _day(at: int, zone: str, brand_zone: str) -> str:
    return local_day(at, zone_or(zone, ZoneInfo(brand_zone))).isoformat()


DUPLICATE = Gate("duplicate", _judge, tuple(DuplicateReason), reserve=_reserve, release=leave_places)
