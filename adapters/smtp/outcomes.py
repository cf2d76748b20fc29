"""What an SMTP server's replies mean for delivery: by enhanced status code, basic code and stage; by words last."""

import re

from adapters.base import Answer, Outcome
from adapters.reasons import PROTOCOL_ERROR
from adapters.smtp.codes import CLOSING, LOGIN, by_basic, by_enhanced
from adapters.smtp.meanings import (
    CONTENT,
    NO_PERMISSION,
    NOT_ASCII,
    POLICY,
    QUOTA,
    SENDER,
    SERVICE,
    UNSUITABLE,
    Meaning,
)
from adapters.smtp.reply import Refusal, SmtpStage
from adapters.smtp.words import by_words, says_our_quota

_QUEUED_AS = re.compile(r"queued (?:mail )?(?:as|for delivery:?)\s+<?([\w.:/+=-]{1,80})", re.IGNORECASE)

_QUOTA_AT_THE_END = frozenset(((2, 2), (4, 6)))
"""Codes of a full mailbox and of a loop that some providers use after the message for the sender's own limit."""
_OF_A_MESSAGE_AT_MAIL = (UNSUITABLE, NOT_ASCII, CONTENT)


def accepted(text: str) -> Answer:
    """Return the answer for an accepted message, with the server's queue ID if it names one."""
    found = _QUEUED_AS.search(text)
    return Answer(Outcome.ACCEPTED, reference=found[1] if found else "")


def refused(refusal: Refusal) -> Answer:
    """Classify a reply that is not the expected one.

    ``SENDING_REFUSED`` if it is us who are refused (address, quota, credentials, relaying, the service itself). If it is
    this message or recipient: ``RETRY`` for 4xx, ``REJECTED`` for 5xx. Anything else is not SMTP: ``UNKNOWN`` after the
    message was sent, ``RETRY`` before.
    """
    if not 400 <= refusal.code < 600:
        outcome = Outcome.UNKNOWN if refusal.stage is SmtpStage.SENT else Outcome.RETRY
        return Answer(outcome, PROTOCOL_ERROR.value, refusal.shown)
    meaning = _meaning(refusal)
    of_message = Outcome.RETRY if refusal.temporary else Outcome.REJECTED
    outcome = Outcome.SENDING_REFUSED if meaning.ours else of_message
    return Answer(outcome, meaning.said(temporary=refusal.temporary).value, refusal.shown)


def _meaning(refusal: Refusal) -> Meaning:
    if refusal.code in LOGIN:
        return NO_PERMISSION
    meaning = by_enhanced(refusal) or by_words(refusal) or by_basic(refusal)
    if refusal.enhanced in _QUOTA_AT_THE_END and refusal.stage is SmtpStage.SENT and says_our_quota(refusal):
        return QUOTA
    if refusal.code == CLOSING and not meaning.ours and not _names_recipient(refusal):
        return SERVICE
    if refusal.stage is SmtpStage.SENDER and not meaning.ours and meaning not in _OF_A_MESSAGE_AT_MAIL:
        return SENDER  # no recipient was named yet, and the sender is the same for all messages
    if meaning is POLICY and refusal.stage in (SmtpStage.CONTENT, SmtpStage.SENT):
        return CONTENT
    return meaning


def _names_recipient(refusal: Refusal) -> bool:
    """Tell whether the enhanced status code is about the recipient's address or mailbox."""
    return refusal.enhanced is not None and refusal.enhanced[0] in (1, 2)
