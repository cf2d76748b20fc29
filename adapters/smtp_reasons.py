"""The words that the smtp adapter gives, beside ``address_invalid``, which delivery declares."""

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
    AnswerReason("sender_deferred", "The server puts off mail from this sender."),
    AnswerReason("recipient_deferred", "The server puts off mail to this recipient."),
    AnswerReason("content_deferred", "The server puts off this message."),
    AnswerReason("mailbox_unavailable", "There is no such mailbox."),
    AnswerReason("mailbox_full", "The mailbox takes no more."),
    AnswerReason("smtputf8_unsupported", "The address is not ASCII, and the server takes ASCII alone."),
    AnswerReason("auth_unsupported", "The server offers no way to log in that we know."),
    AnswerReason("greeting_refused", "The server refuses the connection when it greets."),
    AnswerReason("starttls_unsupported", "The server offers no encryption, and the settings require it."),
)
