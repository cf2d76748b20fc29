"""The statement that loads a batch of actions: what messages need, the columns of gates, and facts.

Columns are selected by name. Each gate gets its columns as a named tuple, so nothing depends on their position in the
statement.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from engine.actions.claims import Claim
from engine.delivery.gates.base import Columns, Gate
from engine.delivery.identity import OCCASION_SQL
from engine.store.dialects import Dialect
from engine.store.rowset import pack, rowset


class ActionRow(NamedTuple):
    """What every message needs, whatever gates there are."""

    action_id: int
    enrolment_id: int
    step: str
    attempt: int
    user_id: int
    playbook: str
    message_class: str
    next_channels: str
    template: str | None
    coupon_name: str | None
    expires_at: int
    tries: int
    occasion: str
    user_key: str
    address: str | None
    locale: str | None
    timezone: str | None
    coupon_code: str | None
    coupon_expires_at: int | None
    occurrence: str | None
    trigger_at: int | None
    event_name: str | None
    event_at: int | None
    event_amount: int | None
    event_properties: Any
    adapter: str | None
    send_key: str | None
    send_key_until: int | None
    in_doubt_since: int | None


_COLUMNS: Mapping[str, str] = {
    "action_id": "a.id",
    "enrolment_id": "a.enrolment_id",
    "step": "a.step",
    "attempt": "a.attempt",
    "user_id": "a.user_id",
    "playbook": "a.playbook",
    "message_class": "a.class",
    "next_channels": "a.next_channels",
    "template": "a.template",
    "coupon_name": "a.coupon",
    "expires_at": "a.expires_at",
    "tries": "a.tries",
    "occasion": OCCASION_SQL,
    "user_key": "u.key",
    "locale": "u.locale",
    "timezone": "u.timezone",
    "coupon_code": "k.code",
    "coupon_expires_at": "k.expires_at",
    "occurrence": "n.occurrence",
    "trigger_at": "n.trigger_at",
    "event_name": "e.name",
    "event_at": "e.at",
    "event_amount": "e.amount",
    "event_properties": "e.properties",
    "adapter": "a.adapter",
    "send_key": "a.send_key",
    "send_key_until": "a.send_key_until",
    "in_doubt_since": "a.in_doubt_since",
}
_JOINS = (
    "JOIN action AS a ON a.id = r.id",
    "JOIN users AS u ON u.id = a.user_id",
    "LEFT JOIN user_state AS s ON s.user_id = a.user_id",
    "LEFT JOIN enrolment AS n ON n.id = a.enrolment_id",
    "LEFT JOIN event AS e ON e.id = n.event_id",
    "LEFT JOIN coupon_code AS k ON k.enrolment_id = a.enrolment_id AND k.coupon = a.coupon",
)


@dataclass(frozen=True, slots=True)
class ReadAction:
    """One action as it was read. ``of_gates`` has a row for each gate, in their order; None for gates without columns."""

    row: ActionRow
    facts: Sequence[object]
    of_gates: Sequence[Any]


class BatchQuery:
    """Reads batches of one channel; built once for the given gates and facts."""

    def __init__(self, dialect: Dialect, address: str, facts: Sequence[str], gates: Sequence[Gate[Any]]) -> None:
        """``address`` is SQL for the user's address on the channel."""
        columns = [(name, {**_COLUMNS, "address": address}[name]) for name in ActionRow._fields]
        joins = [*_JOINS]
        self._gate_rows: list[tuple[slice, Callable[[Any], Any]] | None] = []
        for gate in gates:
            if not isinstance(gate.needs, Columns):
                self._gate_rows.append(None)
            else:
                start = len(columns)
                columns += [(f"{gate.name}__{name}", sql) for name, sql in gate.needs.columns.items()]
                row_of: Any = namedtuple(f"{gate.name}_row", list(gate.needs.columns))  # type: ignore[misc]
                self._gate_rows.append((slice(start, len(columns)), row_of._make))
                joins += [join for join in gate.needs.joins if join not in joins]
        self._width = len(columns)
        columns += [(f"fact__{name}", f"s.fact_{name}") for name in facts]
        ids = rowset(dialect, "rows", id="BIGINT")
        listed = ", ".join(f"{sql} AS {name}" for name, sql in columns)
        self._select = text(f"SELECT {listed} FROM {ids} AS r {' '.join(joins)}")

    def fetch(self, connection: Connection, claims: Sequence[Claim]) -> dict[int, ReadAction]:
        """Return the data of ``claims`` by action id; actions whose user no longer exists are missing."""
        found = connection.execute(self._select, {"rows": pack([[claim.action_id] for claim in claims])}).all()
        read = map(self._read, found)
        return {one.row.action_id: one for one in read}

    def _read(self, row: Sequence[Any]) -> ReadAction:
        of_gates = [None if known is None else known[1](row[known[0]]) for known in self._gate_rows]
        return ReadAction(ActionRow._make(row[: len(ActionRow._fields)]), row[self._width :], of_gates)
