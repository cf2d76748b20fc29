"""What JPush's answers mean: its error codes (Push API v3, "call return"), else the status."""

from collections.abc import Mapping

from adapters.base import Answer, Outcome
from adapters.http.client import Reply
from adapters.http.details import without_addresses
from adapters.http.outcomes import by_status
from adapters.jpush.reasons import NO_DEVICE
from adapters.reasons import (
    AUTH_FAILED,
    MESSAGE_UNSUITABLE,
    PROTOCOL_ERROR,
    RATE_LIMITED,
    SERVICE_UNAVAILABLE,
    AnswerReason,
)

ERRORS: Mapping[int, tuple[Outcome, AnswerReason]] = {
    1004: (Outcome.ADAPTER_DOWN, AUTH_FAILED),
    1005: (Outcome.REJECTED, MESSAGE_UNSUITABLE),
    1008: (Outcome.ADAPTER_DOWN, AUTH_FAILED),
    1011: (Outcome.REJECTED, NO_DEVICE),
    1012: (Outcome.SENDING_REFUSED, RATE_LIMITED),
    # Time ran out within JPush, so the message may have been sent.
    1030: (Outcome.UNKNOWN, SERVICE_UNAVAILABLE),
    2002: (Outcome.SENDING_REFUSED, RATE_LIMITED),
    2005: (Outcome.SENDING_REFUSED, RATE_LIMITED),
}
"""Error code -> what it means. Of all others, the status says enough."""


def classified(reply: Reply, private: tuple[str, ...]) -> Answer:
    """Return the answer to a message; ``private`` must not be in its detail."""
    read = reply.json()
    if reply.status == 200:
        reference = str(read.get("msg_id") or "")
        if not reference:
            return Answer(Outcome.UNKNOWN, PROTOCOL_ERROR.value, PROTOCOL_ERROR.sentence)
        return Answer(Outcome.ACCEPTED, reference=reference)
    error = read.get("error")
    code, said = (error.get("code"), error.get("message")) if isinstance(error, dict) else (None, None)
    detail = without_addresses(f"{code} {said}", private) if code is not None else ""
    if isinstance(code, int) and code in ERRORS:
        outcome, reason = ERRORS[code]
        return Answer(outcome, reason.value, detail)
    return by_status(reply, detail)


def keys_in(reply: Reply) -> list[str]:
    """Return the keys that JPush gives; none if it gives something else."""
    listed = reply.json().get("cidlist") if reply.status == 200 else None
    return [one for one in listed if isinstance(one, str) and one] if isinstance(listed, list) else []
