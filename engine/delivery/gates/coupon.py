"""The gate that holds a message whose coupon code is missing, and refuses one whose code has expired."""

from engine.actions.described_enum import DescribedEnum
from engine.actions.states import State
from engine.delivery.gates.base import PASS, Gate, Hold, Refuse, Verdict
from engine.delivery.pending_message import GateContext, PendingMessage
from engine.incentives.reasons import CouponReason


class CouponGateReason(DescribedEnum):
    """Why this gate refuses."""

    COUPON_EXPIRED = "coupon_expired", "The message's coupon code has expired."


def _judge(message: PendingMessage, _: None, context: GateContext) -> Verdict:
    if message.coupon_name is None:
        return PASS
    if message.coupon is None:
        return Hold(CouponReason.POOL_EMPTY)  # the next tick gives it a code, as soon as there is one
    expires_at = message.coupon.expires_at
    if expires_at is not None and expires_at <= context.now:
        return Refuse(CouponGateReason.COUPON_EXPIRED, State.EXPIRED, final=True)
    return PASS


COUPON = Gate("coupon", _judge, (*CouponGateReason, CouponReason.POOL_EMPTY))
