"""What a refusal can mean, and who is meant: the message with its recipient, or us."""

from dataclasses import dataclass

from adapters.reasons import (
    CONTENT_REFUSED,
    MESSAGE_UNSUITABLE,
    NOT_AUTHORISED,
    POLICY_REFUSED,
    RECIPIENT_REFUSED,
    SENDER_REFUSED,
    SERVICE_UNAVAILABLE,
    AnswerReason,
)
from adapters.smtp.reasons import (
    CONTENT_DEFERRED,
    GREYLISTED,
    HELLO_REFUSED,
    IP_BLOCKED,
    MAILBOX_FULL,
    MAILBOX_UNAVAILABLE,
    QUOTA_EXCEEDED,
    RECIPIENT_DEFERRED,
    SENDER_DEFERRED,
    SENDER_UNAUTHENTICATED,
    SMTPUTF8_UNSUPPORTED,
)


@dataclass(frozen=True, slots=True)
class Meaning:
    """The reason of a refusal for good, and of one for now (the same if None); ``ours``: it is us who are refused."""

    reason: AnswerReason
    deferred: AnswerReason | None = None
    ours: bool = False

    def said(self, *, temporary: bool) -> AnswerReason:
        """Return the reason for the log."""
        return (self.deferred or self.reason) if temporary else self.reason


NO_MAILBOX = Meaning(MAILBOX_UNAVAILABLE, RECIPIENT_DEFERRED)
FULL = Meaning(MAILBOX_FULL)
GREYLIST = Meaning(POLICY_REFUSED, GREYLISTED)
RECIPIENT = Meaning(RECIPIENT_REFUSED, RECIPIENT_DEFERRED)
POLICY = Meaning(POLICY_REFUSED, RECIPIENT_DEFERRED)
UNSUITABLE = Meaning(MESSAGE_UNSUITABLE, CONTENT_DEFERRED)
CONTENT = Meaning(CONTENT_REFUSED, CONTENT_DEFERRED)
NOT_ASCII = Meaning(SMTPUTF8_UNSUPPORTED)

SENDER = Meaning(SENDER_REFUSED, SENDER_DEFERRED, ours=True)
UNAUTHENTICATED = Meaning(SENDER_UNAUTHENTICATED, ours=True)
QUOTA = Meaning(QUOTA_EXCEEDED, ours=True)
BLOCKED = Meaning(IP_BLOCKED, ours=True)
NO_PERMISSION = Meaning(NOT_AUTHORISED, ours=True)
HELLO = Meaning(HELLO_REFUSED, ours=True)
SERVICE = Meaning(SERVICE_UNAVAILABLE, ours=True)
