"""Releasing held actions: they are queued, and the gates decide anew.

What is held for want of a coupon code is held again by the gates, as long as there is none.
"""

from engine.actions.by_hand import FoundAction, HandChange
from engine.actions.reasons import HandReason
from engine.actions.states import State
from engine.clock import Instant
from engine.control.actions_by_hand import HandWork, undoer

_GRANT = "it grants a coupon code and needs one: add codes with `habitue coupons import`"


def _refusal(action: FoundAction, _now: Instant) -> str | None:
    """Nobody sends a grant: once queued, it would stay so for ever."""
    return None if action.kind == "message" else _GRANT


RELEASE = HandWork(
    "release",
    HandChange(State.HELD, State.QUEUED, HandReason.RELEASED),
    "only held actions can be released",
    _refusal,
)
"""What ``habitue release`` does."""
UNDO_RELEASE = undoer(RELEASE)
"""What has not been claimed yet is held again."""
