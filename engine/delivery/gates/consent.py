"""The gate that checks the user's consent to this message class on this channel, or the default if there is none."""

from typing import Any

from engine.actions.described_enum import DescribedEnum
from engine.delivery.gates.base import PASS, Columns, Gate, Refuse, Verdict
from engine.delivery.pending_message import GateContext, PendingMessage


class ConsentReason(DescribedEnum):
    """Why this gate refuses."""

    NO_CONSENT = "no_consent", "The user has not agreed to this class of message on this channel."
    OPTED_OUT = "opted_out", "The user has opted out of this class of message on this channel."


def _judge(message: PendingMessage, granted: bool | None, context: GateContext) -> Verdict:
    """Check consent; transactional messages need none."""
    if message.message_class == "transactional" or granted:
        return PASS
    if granted is False:
        return Refuse(ConsentReason.OPTED_OUT)
    policy = context.consent.service if message.message_class == "service" else context.consent.marketing
    return PASS if policy == "opt-out" else Refuse(ConsentReason.NO_CONSENT)


def _read(row: Any) -> bool | None:  # noqa: ANN401
    """Return the user's own choice; None if there is none."""
    return None if row.granted is None else bool(row.granted)


_CONSENT = (
    "LEFT JOIN consent ON consent.user_id = a.user_id AND consent.channel = a.channel AND consent.class = a.class"
)
CONSENT = Gate("consent", _judge, tuple(ConsentReason), Columns({"granted": "consent.granted"}, _read, (_CONSENT,)))
