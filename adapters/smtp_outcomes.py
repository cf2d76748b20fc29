"""What an SMTP server's replies mean for delivery (RFC 5321 codes, RFC 3463 enhanced codes)."""

import re
from enum import Enum

from adapters.base import Answer, Outcome

_ENHANCED = re.compile(r"\s*([245])\.(\d{1,3})\.(\d{1,3})\b")
_QUEUED_AS = re.compile(r"queued (?:mail )?(?:as|for delivery:?)\s+<?([\w.:/+=-]{1,80})", re.IGNORECASE)
_ADDRESS = re.compile(r"\S*@\S*")
_CONTROLS = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_NOT_ALLOWED = re.compile(r"relay|authenticat|not permitted to send|log ?in", re.IGNORECASE)

_AUTH_CODES = frozenset((530, 534, 535, 538))
_AUTH_DETAILS = frozenset(("3", "8", "9", "11"))
"""5.7.x codes (RFC 3463, 4954) that are about us, not the message: no permission, bad or weak credentials."""

DETAIL = 200
"""Maximum length of a reply in the log."""


class SmtpStage(Enum):
    """How far a transaction has got. From ``SENT`` on, the server has the whole message."""

    SENDER = "sender"
    RECIPIENT = "recipient"
    CONTENT = "content"
    SENT = "sent"


def shown(code: int, text: str) -> str:
    """Return a reply as shown in the log: one line, truncated, without addresses."""
    return f"{code} {_CONTROLS.sub(' ', _ADDRESS.sub('…', text)).strip()}"[:DETAIL]


def accepted(text: str) -> Answer:
    """Return the answer for an accepted message, with the server's queue ID if it names one."""
    found = _QUEUED_AS.search(text)
    return Answer(Outcome.ACCEPTED, reference=found[1] if found else "")


def refused(stage: SmtpStage, code: int, text: str) -> Answer:
    """Classify a reply that is not the expected one.

    4xx: ``RETRY``. 5xx: ``ADAPTER_DOWN`` if it says that we may not send at all (credentials, relaying, our sender
    address), else ``REJECTED``. Anything else is not SMTP: ``UNKNOWN`` after the message was sent, ``RETRY`` before.
    """
    detail = shown(code, text)
    if 400 <= code < 500:
        reason = "service_unavailable" if code == 421 else f"{_word(stage)}_deferred"
        return Answer(Outcome.RETRY, reason, detail)
    if 500 <= code < 600:
        return _permanent(stage, code, text, detail)
    return Answer(Outcome.UNKNOWN if stage is SmtpStage.SENT else Outcome.RETRY, "protocol_error", detail)


def _word(stage: SmtpStage) -> str:
    return "content" if stage is SmtpStage.SENT else stage.value


def _permanent(stage: SmtpStage, code: int, text: str, detail: str) -> Answer:
    enhanced = _ENHANCED.match(text)
    subject, number = (enhanced[2], enhanced[3]) if enhanced else ("", "")
    if code in _AUTH_CODES or (subject == "7" and (number in _AUTH_DETAILS or _NOT_ALLOWED.search(text))):
        return Answer(Outcome.ADAPTER_DOWN, "not_authorised", detail)
    if stage is SmtpStage.SENDER:
        if code in (552, 555) or subject == "3":
            return Answer(Outcome.REJECTED, "message_unsuitable", detail)
        return Answer(Outcome.ADAPTER_DOWN, "sender_refused", detail)
    if stage is SmtpStage.RECIPIENT:
        if not subject and _NOT_ALLOWED.search(text):
            return Answer(Outcome.ADAPTER_DOWN, "not_authorised", detail)
        return Answer(Outcome.REJECTED, _recipient_reason(code, subject, number), detail)
    return Answer(Outcome.REJECTED, "content_refused", detail)


def _recipient_reason(code: int, subject: str, number: str) -> str:
    if subject == "7":
        return "policy_refused"
    if code == 552 or (subject, number) == ("2", "2"):
        return "mailbox_full"
    if code in (550, 551, 553) or subject == "1":
        return "mailbox_unavailable"
    return "recipient_refused"
