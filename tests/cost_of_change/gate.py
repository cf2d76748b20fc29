"""A gate from outside the program: nobody gets more than so many messages, and whom staff look after gets none.

It has everything a gate can have: reasons with sentences, what it reads by named columns and joins of its own tables,
a refusal, a hold, and places that it reserves while a message is handed off. Nothing of the program knows of it.
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


_LEAVE = text("DELETE FROM cap_place WHERE action_id = :action RETURNING action_id")
_COUNT_DOWN = text(
    "UPDATE cap_count SET number = number - 1 WHERE user_id = (SELECT user_id FROM action WHERE id = :action)"
)


class CapReason(DescribedEnum):
    """What the gate says."""

    CAPPED = "capped", "The user has had as many messages as one may get."
    IN_CARE = "in_care", "Staff look after this user: a person decides whether it leaves."


@dataclass(frozen=True, slots=True)
class CapInput:
    """What the gate reads of a message's user: how many places are taken, and whether staff look after them."""

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
    """Return a gate that lets ``most`` messages leave for each user."""

    def judge(_: PendingMessage, found: CapInput, _context: GateContext) -> Verdict:
        if found.in_care:
            return Hold(CapReason.IN_CARE)
        return PASS if found.taken < most or found.has_place else Refuse(CapReason.CAPPED)

    return Gate("cap", judge, tuple(CapReason), NEEDS, _reserve(most), _give_back)


def _reserve(most: int) -> Reserve:
    def reserve(connection: Connection, messages: Sequence[PendingMessage], _: GateContext) -> Mapping[int, Verdict]:
        placed = set(connection.execute(text("SELECT action_id FROM cap_place")).scalars())
        refused: dict[int, Verdict] = {}
        # In the order of the counters' keys: two workers with messages to the same users do not wait for each other.
        for message in sorted(messages, key=lambda one: (one.user_id, one.action_id)):
            if message.action_id in placed:
                continue
            if connection.execute(_COUNT, {"user": message.user_id, "most": most}).first() is None:
                refused[message.action_id] = Refuse(CapReason.CAPPED)
            else:
                connection.execute(text("INSERT INTO cap_place VALUES (:action)"), {"action": message.action_id})
        return refused

    return reserve


def _give_back(connection: Connection, actions: Sequence[int]) -> None:
    for action in actions:
        if connection.execute(_LEAVE, {"action": action}).first() is not None:
            connection.execute(_COUNT_DOWN, {"action": action})


def make_tables(connection: Connection) -> None:
    """Make the gate's own tables."""
    for table in TABLES:
        connection.execute(text(table))


KINDS = Kinds(gates=(cap(2),))
