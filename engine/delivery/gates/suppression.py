"""The gate that refuses an address on the suppression list, whatever the class of the message."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text

from engine.actions.described_enum import DescribedEnum
from engine.delivery.gates.base import PASS, Gate, Lookup, Refuse, Verdict
from engine.delivery.pending_message import GateContext, PendingMessage
from engine.store.dialects import dialect_of
from engine.store.rowset import pack, rowset


class SuppressionReason(DescribedEnum):
    """Why this gate refuses."""

    SUPPRESSED = "address_suppressed", "The address is on the suppression list."


def _judge(_message: PendingMessage, suppressed: bool, _context: GateContext) -> Verdict:
    return Refuse(SuppressionReason.SUPPRESSED) if suppressed else PASS


def _load(connection: Connection, messages: Sequence[PendingMessage]) -> Mapping[int, bool]:
    forms = {one.action_id: one.suppression_form for one in messages if one.suppression_form}
    if not forms:
        return {}
    addresses = rowset(dialect_of(connection), "rows", address="TEXT")
    found = text(
        "SELECT p.address FROM suppression AS p "
        f"WHERE p.channel = :channel AND p.address IN (SELECT r.address FROM {addresses} AS r)"
    )
    # All messages of a batch are of one channel.
    binds = {"channel": messages[0].channel, "rows": pack([[form] for form in forms.values()])}
    suppressed = frozenset(connection.scalars(found, binds))
    return {action: True for action, form in forms.items() if form in suppressed}


SUPPRESSION = Gate("suppression", _judge, tuple(SuppressionReason), Lookup(_load, otherwise=False), asked_twice=True)
