"""The gate that refuses a channel for which no adapter is configured."""

from engine.actions.described_enum import DescribedEnum
from engine.delivery.gates.base import PASS, Gate, Refuse, Verdict
from engine.delivery.pending_message import GateContext, PendingMessage


class AdapterReason(DescribedEnum):
    """Why this gate refuses."""

    NO_ADAPTER = "no_adapter", "No adapter is configured for its channel."


def _judge(message: PendingMessage, _: None, context: GateContext) -> Verdict:
    return PASS if message.channel in context.channels else Refuse(AdapterReason.NO_ADAPTER)


ADAPTER = Gate("adapter", _judge, tuple(AdapterReason))
