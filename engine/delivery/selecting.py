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
    bound_to: int | None
    device_id: int | None
    device_platform: str | None
    unserved: bool | None


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
    "bound_to": "a.device_id",
}
_OF_ADDRESS = ("address", "device_id", "device_platform", "unserved", "locale")
_JOINS = (
    "JOIN action AS a ON a.id = r.id",
    "JOIN users AS u ON u.id = a.user_id",
    "LEFT JOIN user_state AS s ON s.user_id = a.user_id",
    "LEFT JOIN enrolment AS n ON n.id = a.enrolment_id",
    "LEFT JOIN event AS e ON e.id = n.event_id",
    "LEFT JOIN coupon_code AS k ON k.enrolment_id = a.enrolment_id AND k.coupon = a.coupon",
)


@dataclass(frozen=True, slots=True)
class AddressColumns:
    """SQL for where messages of a channel go: the address, and the device, if the channel goes to devices.

    ``seen_since`` tells whether the SQL has the bind ``:seen_since``.
    """

    address: str = "NULL"
    device_id: str = "CAST(NULL AS BIGINT)"
    device_platform: str = "NULL"
    unserved: str = "NULL"
    locale: str = "u.locale"
    joins: tuple[str, ...] = ()
    seen_since: bool = False


@dataclass(frozen=True, slots=True)
class ReadAction:
    """One action as it was read. ``of_gates`` has a row for each gate, in their order; None for gates without columns."""

    row: ActionRow
    facts: Sequence[object]
    of_gates: Sequence[Any]


class BatchQuery:
    """Reads batches of one channel; built once for the given gates and facts."""

    def __init__(
        self, dialect: Dialect, address: AddressColumns, facts: Sequence[str], gates: Sequence[Gate[Any]]
    ) -> None:
        """``address`` says where messages of the channel go."""
        known = {**_COLUMNS, **{name: getattr(address, name) for name in _OF_ADDRESS}}
        columns = [(name, known[name]) for name in ActionRow._fields]
        joins = [*_JOINS, *address.joins]
        self._seen_since = address.seen_since
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

    def fetch(self, connection: Connection, claims: Sequence[Claim], seen_since: int) -> dict[int, ReadAction]:
        """Return the data of ``claims`` by action id; actions whose user no longer exists are missing.

        Devices that were not seen after ``seen_since`` are not used.
        """
        binds: dict[str, object] = {"rows": pack([[claim.action_id] for claim in claims])}
        if self._seen_since:
            binds["seen_since"] = seen_since
        found = connection.execute(self._select, binds).all()
        read = map(self._read, found)
        return {one.row.action_id: one for one in read}

    def _read(self, row: Sequence[Any]) -> ReadAction:
        of_gates = [None if known is None else known[1](row[known[0]]) for known in self._gate_rows]
        return ReadAction(ActionRow._make(row[: len(ActionRow._fields)]), row[self._width :], of_gates)
