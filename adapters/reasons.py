"""Words for a provider's answer that several adapters give alike, each with the sentence that explains it in the log."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AnswerReason:
    """A word of an ``Answer`` and what it means. One word is declared once: adapters that mean the same share it."""

    value: str
    sentence: str


TIMEOUT = AnswerReason("timeout", "The provider did not answer in time.")
DISCONNECTED = AnswerReason("disconnected", "The connection to the provider broke.")
PROTOCOL_ERROR = AnswerReason("protocol_error", "The provider's answer made no sense.")
SERVICE_UNAVAILABLE = AnswerReason("service_unavailable", "The provider takes nothing at the moment.")
CONNECTION_FAILED = AnswerReason("connection_failed", "The provider cannot be reached.")
CONNECTION_TIMEOUT = AnswerReason("connection_timeout", "The provider did not let us in in time.")
TLS_FAILED = AnswerReason("tls_failed", "No encrypted connection to the provider came about.")
AUTH_FAILED = AnswerReason("auth_failed", "The provider refuses the credentials.")
AUTH_UNAVAILABLE = AnswerReason("auth_unavailable", "The provider cannot check the credentials at the moment.")
NOT_AUTHORISED = AnswerReason(
    "not_authorised", "The provider does not let us send: look at credentials and permissions."
)
SENDER_REFUSED = AnswerReason("sender_refused", "The provider refuses the sender's address: look at brand.sender.")
RECIPIENT_REFUSED = AnswerReason("recipient_refused", "The provider refuses the recipient and gives no other reason.")
POLICY_REFUSED = AnswerReason("policy_refused", "The provider refuses the message by its policy.")
MESSAGE_UNSUITABLE = AnswerReason("message_unsuitable", "The message is too large, or of a kind that is not taken.")
CONTENT_REFUSED = AnswerReason("content_refused", "The provider refuses what the message says.")

NETWORK = (
    TIMEOUT, DISCONNECTED, PROTOCOL_ERROR, SERVICE_UNAVAILABLE, CONNECTION_FAILED, CONNECTION_TIMEOUT, TLS_FAILED,
)  # fmt: skip
"""What can happen on the way to any provider."""
