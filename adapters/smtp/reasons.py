"""The reasons of the ``smtp`` adapter, except ``address_invalid``, which delivery declares."""

from adapters.reasons import (
    AUTH_FAILED,
    AUTH_UNAVAILABLE,
    CONTENT_REFUSED,
    MESSAGE_UNSUITABLE,
    NETWORK,
    NOT_AUTHORISED,
    POLICY_REFUSED,
    RECIPIENT_REFUSED,
    SENDER_REFUSED,
    AnswerReason,
)

SENDER_DEFERRED = AnswerReason("sender_deferred", "The server temporarily refuses mail from this sender.")
RECIPIENT_DEFERRED = AnswerReason("recipient_deferred", "The server temporarily refuses mail to this recipient.")
CONTENT_DEFERRED = AnswerReason("content_deferred", "The server temporarily refuses this message.")
GREYLISTED = AnswerReason("greylisted", "The server takes mail to this recipient only when it is tried again.")
MAILBOX_UNAVAILABLE = AnswerReason("mailbox_unavailable", "There is no such mailbox.")
MAILBOX_FULL = AnswerReason("mailbox_full", "The mailbox is full.")
SMTPUTF8_UNSUPPORTED = AnswerReason(
    "smtputf8_unsupported", "The address is not ASCII, and the server accepts only ASCII."
)
QUOTA_EXCEEDED = AnswerReason("quota_exceeded", "The limit on how much may be sent in an hour or a day is reached.")
IP_BLOCKED = AnswerReason(
    "ip_blocked", "The server blocks our IP address: check block lists, its reputation and its reverse DNS."
)
SENDER_UNAUTHENTICATED = AnswerReason(
    "sender_unauthenticated", "Checks of the sender's domain fail: check its SPF, DKIM and DMARC records."
)
HELLO_REFUSED = AnswerReason("hello_refused", "The server refuses the name given in EHLO: set hello_name.")

SMTP_REASONS: tuple[AnswerReason, ...] = (
    *NETWORK,
    AUTH_FAILED,
    AUTH_UNAVAILABLE,
    NOT_AUTHORISED,
    SENDER_REFUSED,
    SENDER_UNAUTHENTICATED,
    QUOTA_EXCEEDED,
    IP_BLOCKED,
    HELLO_REFUSED,
    RECIPIENT_REFUSED,
    POLICY_REFUSED,
    MESSAGE_UNSUITABLE,
    CONTENT_REFUSED,
    SENDER_DEFERRED,
    RECIPIENT_DEFERRED,
    CONTENT_DEFERRED,
    GREYLISTED,
    MAILBOX_UNAVAILABLE,
    MAILBOX_FULL,
    SMTPUTF8_UNSUPPORTED,
    AnswerReason("auth_unsupported", "The server offers no supported way to log in."),
    AnswerReason("greeting_refused", "The server refuses connections."),
    AnswerReason("starttls_unsupported", "The server offers no encryption, but the settings require it."),
)
