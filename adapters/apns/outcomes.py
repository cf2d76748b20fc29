"""What APNs' answers mean, by the ``reason`` in their body before the status.

"BadDeviceToken" and "DeviceTokenNotForTopic" are also said of every device if the environment or the topic is configured
wrongly. So they mean that the device is gone only once APNs has accepted a message as things are configured.
"""

import re
from collections.abc import Mapping

from adapters.apns.reasons import DEVICE_BUSY, TOPIC_REFUSED
from adapters.base import Answer, Outcome
from adapters.http.client import Reply
from adapters.http.outcomes import by_status
from adapters.reasons import (
    AUTH_FAILED,
    CONTENT_REFUSED,
    DEVICE_GONE,
    MESSAGE_UNSUITABLE,
    NOT_AUTHORISED,
    OTHER_APP,
    RATE_LIMITED,
    REQUEST_REFUSED,
    SERVICE_UNAVAILABLE,
    AnswerReason,
)

_GONE = (Outcome.REJECTED, DEVICE_GONE)
_OTHER_APP = (Outcome.REJECTED, OTHER_APP)
_AUTH = (Outcome.ADAPTER_DOWN, AUTH_FAILED)
_TOPIC = (Outcome.ADAPTER_DOWN, TOPIC_REFUSED)
_REQUEST = (Outcome.SENDING_REFUSED, REQUEST_REFUSED)
_SERVICE = (Outcome.SENDING_REFUSED, SERVICE_UNAVAILABLE)

MEANINGS: Mapping[str, tuple[Outcome, AnswerReason]] = {
    # 400
    "BadCollapseId": _REQUEST,
    "BadDeviceToken": _OTHER_APP,
    "BadExpirationDate": _REQUEST,
    "BadMessageId": _REQUEST,
    "BadPriority": _REQUEST,
    "BadTopic": _TOPIC,
    "DeviceTokenNotForTopic": _OTHER_APP,
    "DuplicateHeaders": _REQUEST,
    "IdleTimeout": (Outcome.RETRY, SERVICE_UNAVAILABLE),
    "InvalidPushType": _REQUEST,
    "MissingDeviceToken": _REQUEST,
    "MissingTopic": _TOPIC,
    "PayloadEmpty": (Outcome.REJECTED, CONTENT_REFUSED),
    "TopicDisallowed": _TOPIC,
    # 403
    "BadCertificate": _AUTH,
    "BadCertificateEnvironment": _AUTH,
    "BadEnvironmentKeyIdInToken": _AUTH,
    "BadEnvironmentKeyInToken": _AUTH,
    "ExpiredProviderToken": _AUTH,
    "Forbidden": (Outcome.SENDING_REFUSED, NOT_AUTHORISED),
    "InvalidProviderToken": _AUTH,
    "MissingProviderToken": _AUTH,
    "UnrelatedKeyIdInToken": _AUTH,
    # 404, 405
    "BadPath": _REQUEST,
    "MethodNotAllowed": _REQUEST,
    # 410, 413
    "ExpiredToken": _GONE,
    "Unregistered": _GONE,
    "PayloadTooLarge": (Outcome.REJECTED, MESSAGE_UNSUITABLE),
    # 429
    "TooManyProviderTokenUpdates": (Outcome.SENDING_REFUSED, RATE_LIMITED),
    "TooManyRequests": (Outcome.RETRY, DEVICE_BUSY),
    # 500, 503
    "InternalServerError": _SERVICE,
    "ServiceUnavailable": _SERVICE,
    "Shutdown": _SERVICE,
}
"""The reasons of Apple's documentation."""

HINTS: Mapping[str, str] = {
    "BadDeviceToken": "or it is of the other environment",
    "BadEnvironmentKeyIdInToken": "the key is not for this environment",
    "BadEnvironmentKeyInToken": "the key is not for this environment",
    "ExpiredProviderToken": "check this machine's clock",
    "InvalidProviderToken": "check key, key_id, team_id, and this machine's clock",
    "UnrelatedKeyIdInToken": "the key_id is not of this team",
}
_WORD = re.compile(r"[A-Za-z]{1,60}").fullmatch


def answer_of(reply: Reply, message_id: str, *, proven: bool) -> Answer:
    """Classify APNs' reply to one message. ``proven``: APNs has accepted messages as things are configured."""
    if reply.status == 200:
        return Answer(Outcome.ACCEPTED, reference=message_id)
    said = reply.json().get("reason")
    word = said if isinstance(said, str) and _WORD(said) else ""
    detail = ", ".join(filter(None, (f"HTTP status {reply.status}", word, HINTS.get(word, ""))))
    if word not in MEANINGS:
        if reply.status == 410:
            return Answer(*_said(_GONE), detail, gone=True)
        return by_status(reply, detail)
    meaning = MEANINGS[word]
    if meaning is _OTHER_APP and proven:
        meaning = _GONE
    return Answer(*_said(meaning), detail, gone=meaning is _GONE)


def _said(meaning: tuple[Outcome, AnswerReason]) -> tuple[Outcome, str]:
    return meaning[0], meaning[1].value
