"""Reasons related to coupon codes."""

from engine.actions.described_enum import DescribedEnum


class CouponReason(DescribedEnum):
    """Why an action with a coupon is in its state."""

    GRANTED = "granted", "The user was given the coupon code."
    POOL_EMPTY = "coupon_pool_empty", "It needs a coupon code and has none; it gets the pool's next free one."
    POOL_FILLED = "coupon_pool_filled", "It waited for a coupon code and now has one."
    EXPIRED_WAITING = "expired_without_coupon", "It expired while waiting for a coupon code."
