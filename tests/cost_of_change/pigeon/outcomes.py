"""Pigeon's error codes. 1xxx are about one message, 2xxx about our account, 3xxx about Pigeon and the carriers."""

from dataclasses import dataclass

from adapters.base import Answer, Outcome
from adapters.http.client import Reply
from adapters.http.outcomes import by_status
from adapters.reasons import (
    AUTH_FAILED,
    CONTENT_REFUSED,
    MESSAGE_UNSUITABLE,
    NOT_AUTHORISED,
    NOT_DELIVERED,
    NUMBER_UNUSABLE,
    RATE_LIMITED,
    REQUEST_REFUSED,
    SERVICE_UNAVAILABLE,
    AnswerReason,
)

OPTED_OUT = AnswerReason("pigeon_opted_out", "The recipient told Pigeon that they want no texts from this sender.")
SWITCHED_OFF = AnswerReason("pigeon_phone_off", "The phone is switched off or has no reception.")
NO_CREDIT = AnswerReason("pigeon_no_credit", "The account has no credit left: top it up at Pigeon.")
SENDER_UNKNOWN = AnswerReason("pigeon_sender_unknown", "Pigeon does not know the sender: check `sender`.")
OWN_REASONS = (OPTED_OUT, SWITCHED_OFF, NO_CREDIT, SENDER_UNKNOWN)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code means, in an answer or in a receipt."""

    outcome: Outcome
    reason: AnswerReason
    gone: bool = False


MEANINGS = {
    1001: Meaning(Outcome.REJECTED, NUMBER_UNUSABLE, gone=True),  # not assigned
    1002: Meaning(Outcome.REJECTED, NUMBER_UNUSABLE, gone=True),  # a landline
    1003: Meaning(Outcome.RETRY, SWITCHED_OFF),
    1004: Meaning(Outcome.REJECTED, OPTED_OUT),
    1005: Meaning(Outcome.REJECTED, MESSAGE_UNSUITABLE),
    1006: Meaning(Outcome.REJECTED, CONTENT_REFUSED),
    2001: Meaning(Outcome.SENDING_REFUSED, NO_CREDIT),
    2002: Meaning(Outcome.SENDING_REFUSED, SENDER_UNKNOWN),
    2003: Meaning(Outcome.SENDING_REFUSED, RATE_LIMITED),
    2004: Meaning(Outcome.SENDING_REFUSED, NOT_AUTHORISED),
    2005: Meaning(Outcome.ADAPTER_DOWN, AUTH_FAILED),
    3001: Meaning(Outcome.RETRY, SERVICE_UNAVAILABLE),  # this number's carrier is busy
    3002: Meaning(Outcome.SENDING_REFUSED, SERVICE_UNAVAILABLE),  # maintenance
    3003: Meaning(Outcome.UNKNOWN, SERVICE_UNAVAILABLE),  # the carrier's answer was lost
}
_CLASSES = {
    1: Meaning(Outcome.REJECTED, REQUEST_REFUSED),
    2: Meaning(Outcome.SENDING_REFUSED, NOT_AUTHORISED),
    3: Meaning(Outcome.RETRY, SERVICE_UNAVAILABLE),
}
"""Codes that Pigeon adds later keep to their class."""


def refused(reply: Reply, code: int, detail: str) -> Answer:
    """Classify a refusal: by its code; by its class if the code is new; by the status if there is no code."""
    meaning = MEANINGS.get(code) or _CLASSES.get(code // 1000)
    if meaning is None:
        return by_status(reply, detail)
    return Answer(meaning.outcome, meaning.reason.value, f"{code}: {detail}", gone=meaning.gone)


def undelivered(code: int) -> Meaning:
    """Return what a receipt's code means; its outcome says nothing, because Pigeon has accepted the message."""
    return MEANINGS.get(code) or Meaning(Outcome.REJECTED, NOT_DELIVERED)
