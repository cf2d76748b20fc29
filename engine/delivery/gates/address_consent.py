"""The gate that refuses an address whose owner has opted out under another record, or in a reply before there was one.

A refusal counts for the address. It does not stop a user who has agreed themselves, for this record, after the refusal.
A file's word does not count as theirs, however it is dated, because files are merged from many hands.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text

from engine.actions.described_enum import DescribedEnum
from engine.delivery.gates.base import PASS, Gate, Lookup, Refuse, Verdict
from engine.delivery.pending_message import GateContext, PendingMessage
from engine.intake.write.consents import IMPORTED
from engine.store.dialects import dialect_of
from engine.store.rowset import pack, rowset


class AddressConsentReason(DescribedEnum):
    """Why this gate refuses."""

    ADDRESS_OPTED_OUT = (
        "address_opted_out",
        "Another user with the same address, or whoever replied from it, has opted out of this class of message on this channel.",
    )


def _judge(message: PendingMessage, refused: bool, _context: GateContext) -> Verdict:
    if not refused or message.message_class == "transactional":
        return PASS
    return Refuse(AddressConsentReason.ADDRESS_OPTED_OUT)


_AGREED_LATER = (
    "SELECT 1 FROM consent AS c WHERE c.user_id = r.user_id AND c.channel = f.channel AND c.class = f.class"
    f" AND c.granted AND c.at > f.at AND c.source NOT LIKE '{IMPORTED}%'"
)


def _load(connection: Connection, messages: Sequence[PendingMessage]) -> Mapping[int, bool]:
    rows = [
        [one.action_id, one.user_id, one.message_class, one.suppression_form]
        for one in messages
        if one.suppression_form is not None and one.message_class != "transactional"
    ]
    if not rows:
        return {}
    asked = rowset(
        dialect_of(connection), "rows", action_id="BIGINT", user_id="BIGINT", message_class="TEXT", address="TEXT"
    )
    found = text(
        f"SELECT DISTINCT r.action_id FROM {asked} AS r JOIN address_refusal AS f ON f.channel = :channel"
        " AND f.class = r.message_class AND f.address = r.address AND f.user_id <> r.user_id"
        f" WHERE NOT EXISTS ({_AGREED_LATER})"
    )
    # All messages of a batch are of one channel.
    refused = connection.scalars(found, {"channel": messages[0].channel, "rows": pack(rows)})
    return dict.fromkeys(refused, True)


ADDRESS_CONSENT = Gate("address_consent", _judge, tuple(AddressConsentReason), Lookup(_load, otherwise=False))
