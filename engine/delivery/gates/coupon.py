"""The gate that refuses a message whose coupon code is missing or has expired."""

from engine.actions.described_enum import DescribedEnum
from engine.actions.states import State
from engine.delivery.gates.base import PASS, Gate, Refuse, Verdict
from engine.delivery.pending_message import GateContext, PendingMessage


class CouponGateReason(DescribedEnum):
    """Why this gate refuses."""

    COUPON_MISSING = "coupon_missing", "The message needs a coupon code, and none was claimed for it."
    COUPON_EXPIRED = "coupon_expired", "The message's coupon code has expired."


def _judge(message: PendingMessage, _: None, context: GateContext) -> Verdict:
    if message.coupon_name is None:
        return PASS
    if message.coupon is None:
        return Refuse(CouponGateReason.COUPON_MISSING, final=True)
    expires_at = message.coupon.expires_at
    if expires_at is not None and expires_at <= context.now:
        return Refuse(CouponGateReason.COUPON_EXPIRED, State.EXPIRED, final=True)
    return PASS


COUPON = Gate("coupon", _judge, tuple(CouponGateReason))
