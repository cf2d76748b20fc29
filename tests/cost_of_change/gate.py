"""A gate from outside the program: it limits the messages per user, and holds those to users whom staff look after.

It uses everything a gate can have: reasons with sentences, columns and joins of its own tables, a refusal, a hold, and
places that it reserves in the hand-off and releases. Nothing in the program knows about it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from engine.actions.described_enum import DescribedEnum
from engine.delivery.gates.base import PASS, Columns, Gate, Hold, Refuse, Reserve, Verdict
from engine.delivery.pending_message import GateContext, PendingMessage
from engine.kinds import Kinds

TABLES = (
    "CREATE TABLE care (user_id BIGINT PRIMARY KEY)",
    "CREATE TABLE cap_count (user_id BIGINT PRIMARY KEY, number BIGINT NOT NULL)",
    "CREATE TABLE cap_place (action_id BIGINT PRIMARY KEY)",
)
_COUNT = text(
    "INSERT INTO cap_count (user_id, number) VALUES (:user, 1) ON CONFLICT (user_id) DO UPDATE"
    " SET number = cap_count.number + 1 WHERE cap_count.number < :most RETURNING number"
)
_DELETE_PLACE = text("DELETE FROM cap_place WHERE action_id = :action RETURNING action_id")
_USER = text("SELECT user_id FROM action WHERE id = :action")
_COUNT_DOWN = text("UPDATE cap_count SET number = number - 1 WHERE user_id = :user")


class CapReason(DescribedEnum):
    """The gate's reasons."""

    CAPPED = "capped", "The user has already had as many messages as are allowed."
    IN_CARE = "in_care", "Staff look after this user: a person decides whether to send the message."


@dataclass(frozen=True, slots=True)
class CapInput:
    """What the gate reads: the user's number of places, whether the message has one, and whether the user is in care."""

    taken: int
    has_place: bool
    in_care: bool


def _read(row: Any) -> CapInput:
    return CapInput(row.number or 0, row.place is not None, row.care is not None)


NEEDS = Columns(
    {"number": "cap_count.number", "place": "cap_place.action_id", "care": "cap_care.user_id"},
    _read,
    (
        "LEFT JOIN cap_count ON cap_count.user_id = a.user_id",
        "LEFT JOIN cap_place ON cap_place.action_id = a.id",
        "LEFT JOIN care AS cap_care ON cap_care.user_id = a.user_id",
    ),
)


def cap(most: int) -> Gate[CapInput]:
    """Return a gate that passes at most ``most`` messages per user."""

    def judge(_: PendingMessage, found: CapInput, _context: GateContext) -> Verdict:
        if found.in_care:
            return Hold(CapReason.IN_CARE)
        return PASS if found.taken < most or found.has_place else Refuse(CapReason.CAPPED)

    return Gate("cap", judge, tuple(CapReason), NEEDS, _reserve(most), _release)


def _reserve(most: int) -> Reserve:
    def reserve(connection: Connection, messages: Sequence[PendingMessage], _: GateContext) -> Mapping[int, Verdict]:
        placed = set(connection.execute(text("SELECT action_id FROM cap_place")).scalars())
        refused: dict[int, Verdict] = {}
        # In the order of the counters' keys, so that two workers with messages to the same users cannot deadlock.
        for message in sorted(messages, key=lambda one: (one.user_id, one.action_id)):
            if message.action_id in placed:
                continue
            if connection.execute(_COUNT, {"user": message.user_id, "most": most}).first() is None:
                refused[message.action_id] = Refuse(CapReason.CAPPED)
            else:
                connection.execute(text("INSERT INTO cap_place VALUES (:action)"), {"action": message.action_id})
        return refused

    return reserve


def _release(connection: Connection, actions: Sequence[int]) -> None:
    users = {action: connection.execute(_USER, {"action": action}).scalar_one() for action in actions}
    # In the order of the counters' keys, as when places are reserved.
    for action in sorted(actions, key=lambda one: (users[one], one)):
        if connection.execute(_DELETE_PLACE, {"action": action}).first() is not None:
            connection.execute(_COUNT_DOWN, {"user": users[action]})


def make_tables(connection: Connection) -> None:
    """Create the gate's own tables."""
    for table in TABLES:
        connection.execute(text(table))


KINDS = Kinds(gates=(cap(2),))
