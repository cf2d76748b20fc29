"""The reasons of JPush: those of HTTP, and its own."""

from adapters.http.outcomes import HTTP_REASONS
from adapters.reasons import MESSAGE_UNSUITABLE, AnswerReason

NO_DEVICE = AnswerReason(
    "no_device",
    "The app has no such device: it was removed, has not been used for long, or belongs to another app key.",
)
JPUSH_REASONS: tuple[AnswerReason, ...] = (*HTTP_REASONS, MESSAGE_UNSUITABLE, NO_DEVICE)
"""The reasons of the adapter's answers."""
