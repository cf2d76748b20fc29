"""The gate that refuses a channel for which no adapter is configured, or none that serves the user's devices."""

from engine.actions.described_enum import DescribedEnum
from engine.delivery.gates.base import PASS, Gate, Refuse, Verdict
from engine.delivery.pending_message import GateContext, PendingMessage


class AdapterReason(DescribedEnum):
    """Why this gate refuses."""

    NO_ADAPTER = "no_adapter", "No adapter is configured for its channel."
    PLATFORM_UNSERVED = "platform_unserved", "No adapter of its channel serves the platforms of the user's devices."


def _judge(message: PendingMessage, _: None, context: GateContext) -> Verdict:
    if message.channel not in context.channels:
        return Refuse(AdapterReason.NO_ADAPTER)
    return Refuse(AdapterReason.PLATFORM_UNSERVED) if message.unserved else PASS


ADAPTER = Gate("adapter", _judge, tuple(AdapterReason))
