"""The reasons of Web Push: those of HTTP, and its own."""

from adapters.http.outcomes import HTTP_REASONS
from adapters.reasons import AUTH_FAILED, MESSAGE_UNSUITABLE, AnswerReason

SUBSCRIPTION_GONE = AnswerReason(
    "subscription_gone", "The browser's subscription does not exist any more: the user withdrew it, or it has expired."
)
VAPID_REFUSED = AnswerReason(
    "vapid_refused",
    "The push service refuses our VAPID key: the subscription was made with another one, or the contact or the machine's"
    " clock is wrong.",
)
WEBPUSH_REASONS: tuple[AnswerReason, ...] = (
    *(reason for reason in HTTP_REASONS if reason is not AUTH_FAILED),  # they mean our key by 401
    MESSAGE_UNSUITABLE,
    SUBSCRIPTION_GONE,
    VAPID_REFUSED,
)
"""The reasons of the adapter's answers."""
