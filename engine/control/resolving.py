"""Resolving actions of which nobody knows whether they were sent, and sending failed ones after all."""

from collections.abc import Callable
from functools import partial

from engine.actions.by_hand import FoundAction, HandChange
from engine.actions.reasons import HandReason
from engine.actions.states import State
from engine.clock import DAY, Instant
from engine.control.actions_by_hand import HandWork, undoer
from engine.incentives.reasons import CouponReason
from engine.playbooks.leaving import has_left

_RESOLVED = "only unknown actions can be resolved"
EXTENSION = DAY
"""How long an expired action may still be sent if a person insists, in milliseconds."""

SENT = HandWork("resolve sent", HandChange(State.UNKNOWN, State.ACCEPTED, HandReason.SENT), _RESOLVED)
"""What ``habitue resolve sent`` does."""
NOT_SENT = HandWork("resolve not-sent", HandChange(State.UNKNOWN, State.FAILED, HandReason.NOT_SENT), _RESOLVED)
"""What ``habitue resolve not-sent`` does. It ends there: ``habitue resend`` can send it after all."""


def send_again(now: Instant, *, even_expired: bool) -> HandWork:
    """Return what ``habitue resolve send-again`` does: the same action, and so the same key and Message-ID, once more."""
    wish = HandChange(State.UNKNOWN, State.QUEUED, HandReason.SEND_AGAIN, _expiry(now, even_expired))
    return HandWork("resolve send-again", wish, _RESOLVED, _refusal(even_expired))


def resend(now: Instant, *, even_expired: bool) -> HandWork:
    """Return what ``habitue resend`` does; a message whose coupon code went back is held until it has another."""
    wish = HandChange(
        State.FAILED, State.QUEUED, HandReason.RESENT, _expiry(now, even_expired), CouponReason.POOL_EMPTY
    )
    return HandWork("resend", wish, "only failed actions can be sent again", _refusal(even_expired))


def _expiry(now: Instant, even_expired: bool) -> Instant | None:
    return Instant(now + EXTENSION) if even_expired else None


def _refusal(even_expired: bool) -> Callable[[FoundAction, Instant], str | None]:
    return partial(_refused, even_expired=even_expired)


def _refused(action: FoundAction, now: Instant, *, even_expired: bool) -> str | None:
    """Say what the gates would refuse: an action that may have been sent must not end as one that was not."""
    if has_left(action.enrolment_state, action.enrolment_reason):
        return "the user has left the playbook"
    if action.expires_at <= now and not even_expired:
        return "it has expired; --even-expired sends it all the same"
    return None


UNDO_RESOLVING = tuple(
    undoer(work)
    for work in (SENT, NOT_SENT, send_again(Instant(0), even_expired=False), resend(Instant(0), even_expired=False))
)
"""What has not been claimed yet is unknown or failed again, unless its coupon code went back to the pool."""
