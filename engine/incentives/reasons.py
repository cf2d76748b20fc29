"""Why a coupon code was given, or is waited for."""

from engine.actions.worded import Worded


class CouponReason(Worded):
    """A reason that has to do with coupon codes."""

    GRANTED = "granted", "The coupon code is the user's."
    POOL_EMPTY = "coupon_pool_empty", "The message must carry a coupon code and there is none left; it waits for codes."
    POOL_FILLED = "coupon_pool_filled", "It waited for a coupon code, and now has one."
    EXPIRED_WAITING = "expired_without_coupon", "It expired while it waited for a coupon code."
