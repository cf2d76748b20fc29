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

SMTP_REASONS: tuple[AnswerReason, ...] = (
    *NETWORK,
    AUTH_FAILED,
    AUTH_UNAVAILABLE,
    NOT_AUTHORISED,
    SENDER_REFUSED,
    RECIPIENT_REFUSED,
    POLICY_REFUSED,
    MESSAGE_UNSUITABLE,
    CONTENT_REFUSED,
    AnswerReason("sender_deferred", "The server temporarily refuses mail from this sender."),
    AnswerReason("recipient_deferred", "The server temporarily refuses mail to this recipient."),
    AnswerReason("content_deferred", "The server temporarily refuses this message."),
    AnswerReason("mailbox_unavailable", "There is no such mailbox."),
    AnswerReason("mailbox_full", "The mailbox is full."),
    AnswerReason("smtputf8_unsupported", "The address is not ASCII, and the server accepts only ASCII."),
    AnswerReason("auth_unsupported", "The server offers no supported way to log in."),
    AnswerReason("greeting_refused", "The server refuses connections."),
    AnswerReason("starttls_unsupported", "The server offers no encryption, but the settings require it."),
)
