"""The gate that refuses a message to a user without a valid address on the channel."""

from engine.actions.described_enum import DescribedEnum
from engine.delivery.gates.base import PASS, Gate, Refuse, Verdict
from engine.delivery.pending_message import GateContext, PendingMessage


class AddressReason(DescribedEnum):
    """Why this gate refuses."""

    ADDRESS_MISSING = "address_missing", "The user has no address on this channel."
    ADDRESS_INVALID = "address_invalid", "The user's address on this channel is not valid."


def _judge(message: PendingMessage, _: None, _context: GateContext) -> Verdict:
    if not message.address:
        return Refuse(AddressReason.ADDRESS_MISSING)
    return Refuse(AddressReason.ADDRESS_INVALID) if message.recipient is None else PASS


ADDRESS = Gate("address", _judge, tuple(AddressReason))
