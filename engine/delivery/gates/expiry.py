"""The gate that refuses messages that have expired."""

from engine.actions.described_enum import DescribedEnum
from engine.actions.states import State
from engine.delivery.gates.base import PASS, Gate, Refuse, Verdict
from engine.delivery.pending_message import GateContext, PendingMessage


class ExpiryReason(DescribedEnum):
    """Why this gate refuses."""

    EXPIRED = "expired", "It expired before it could be sent."


def _judge(message: PendingMessage, _: None, context: GateContext) -> Verdict:
    if context.now < message.expires_at:
        return PASS
    return Refuse(ExpiryReason.EXPIRED, State.EXPIRED, final=True)


EXPIRY = Gate("expiry", _judge, tuple(ExpiryReason))
