"""What a status code means where a provider's own error code says no more (RFC 9110, section 15)."""

from adapters.base import Answer, Outcome
from adapters.http.client import Reply
from adapters.reasons import (
    AUTH_FAILED,
    NETWORK,
    NOT_AUTHORISED,
    PROTOCOL_ERROR,
    RATE_LIMITED,
    REQUEST_REFUSED,
    SERVICE_UNAVAILABLE,
    AnswerReason,
)

HTTP_REASONS: tuple[AnswerReason, ...] = (*NETWORK, AUTH_FAILED, NOT_AUTHORISED, RATE_LIMITED, REQUEST_REFUSED)
"""The reasons of ``by_status`` and of ``HttpClient``."""

_MEANINGS: dict[int, tuple[Outcome, AnswerReason]] = {
    401: (Outcome.ADAPTER_DOWN, AUTH_FAILED),
    402: (Outcome.SENDING_REFUSED, NOT_AUTHORISED),
    403: (Outcome.SENDING_REFUSED, NOT_AUTHORISED),
    408: (Outcome.RETRY, SERVICE_UNAVAILABLE),
    425: (Outcome.RETRY, SERVICE_UNAVAILABLE),
    429: (Outcome.SENDING_REFUSED, RATE_LIMITED),
    # The gateway lost the provider's answer, so the message may have been sent.
    502: (Outcome.UNKNOWN, SERVICE_UNAVAILABLE),
    504: (Outcome.UNKNOWN, SERVICE_UNAVAILABLE),
}


def by_status(reply: Reply, detail: str = "") -> Answer:
    """Classify a reply that is not a success. ``detail`` is the provider's text, free of secrets and addresses."""
    found = _MEANINGS.get(reply.status)
    if found is None and 400 <= reply.status < 500:
        found = Outcome.REJECTED, REQUEST_REFUSED
    elif found is None and 500 <= reply.status < 600:
        found = Outcome.SENDING_REFUSED, SERVICE_UNAVAILABLE
    outcome, reason = found or (Outcome.UNKNOWN, PROTOCOL_ERROR)
    return Answer(outcome, reason.value, detail or f"HTTP status {reply.status}")
