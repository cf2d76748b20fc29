"""The reasons of APNs' answers."""

from adapters.http.outcomes import HTTP_REASONS
from adapters.reasons import CONTENT_REFUSED, DEVICE_GONE, MESSAGE_UNSUITABLE, OTHER_APP, AnswerReason

TOPIC_REFUSED = AnswerReason("topic_refused", "The provider does not let us push to the app: check the topic.")
DEVICE_BUSY = AnswerReason("device_busy", "The device has been sent too many messages within a short time.")

APNS_REASONS: tuple[AnswerReason, ...] = (
    *HTTP_REASONS,
    CONTENT_REFUSED,
    DEVICE_BUSY,
    DEVICE_GONE,
    MESSAGE_UNSUITABLE,
    OTHER_APP,
    TOPIC_REFUSED,
)
