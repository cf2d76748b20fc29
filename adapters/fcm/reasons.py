"""The reasons of FCM's answers."""

from adapters.http.outcomes import HTTP_REASONS
from adapters.reasons import (
    AUTH_UNAVAILABLE,
    CONTENT_REFUSED,
    DEVICE_GONE,
    MESSAGE_UNSUITABLE,
    OTHER_APP,
    AnswerReason,
)

PLATFORM_AUTH_FAILED = AnswerReason(
    "platform_auth_failed",
    "Firebase cannot log in to Apple's or the browser's push service: check the keys in its project settings.",
)

FCM_REASONS: tuple[AnswerReason, ...] = (
    *HTTP_REASONS,
    AUTH_UNAVAILABLE,
    CONTENT_REFUSED,
    DEVICE_GONE,
    MESSAGE_UNSUITABLE,
    OTHER_APP,
    PLATFORM_AUTH_FAILED,
)
