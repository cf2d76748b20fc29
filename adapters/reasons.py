"""Reasons that several adapters share, each with the sentence that explains it in the log."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AnswerReason:
    """The ``reason`` of an ``Answer`` and what it means. Each is declared once, and shared by adapters."""

    value: str
    sentence: str


TIMEOUT = AnswerReason("timeout", "The provider did not answer in time.")
DISCONNECTED = AnswerReason("disconnected", "The connection to the provider broke.")
PROTOCOL_ERROR = AnswerReason("protocol_error", "The provider's answer was not understood.")
SERVICE_UNAVAILABLE = AnswerReason("service_unavailable", "The provider accepts no messages at the moment.")
CONNECTION_FAILED = AnswerReason("connection_failed", "The provider cannot be reached.")
CONNECTION_TIMEOUT = AnswerReason("connection_timeout", "The provider did not complete the connection in time.")
TLS_FAILED = AnswerReason("tls_failed", "No encrypted connection to the provider could be established.")
AUTH_FAILED = AnswerReason("auth_failed", "The provider refuses the credentials.")
AUTH_UNAVAILABLE = AnswerReason("auth_unavailable", "The provider cannot check the credentials at the moment.")
NOT_AUTHORISED = AnswerReason(
    "not_authorised", "The provider does not permit sending: check credentials and permissions."
)
SENDER_REFUSED = AnswerReason("sender_refused", "The provider refuses the sender's address: check brand.sender.")
RECIPIENT_REFUSED = AnswerReason("recipient_refused", "The provider refuses the recipient and gives no other reason.")
POLICY_REFUSED = AnswerReason("policy_refused", "The provider's policy refuses the message.")
MESSAGE_UNSUITABLE = AnswerReason(
    "message_unsuitable", "The message is too large, or of a type that the provider does not accept."
)
CONTENT_REFUSED = AnswerReason("content_refused", "The provider refuses the message's content.")
RATE_LIMITED = AnswerReason("rate_limited", "The provider takes no more messages from us for a while.")
NUMBER_UNUSABLE = AnswerReason(
    "number_unusable", "No text message can be sent to this number: it does not exist, or is a landline."
)
NOT_DELIVERED = AnswerReason("not_delivered", "The carrier did not deliver the message and gives no other reason.")
REQUEST_REFUSED = AnswerReason("request_refused", "The provider refuses the request and gives no other reason.")
DEVICE_GONE = AnswerReason("device_gone", "The app was removed from the device, or the device's token is not valid.")
OTHER_APP = AnswerReason("other_app", "The device's token belongs to another app or project than the adapter's.")

NETWORK = (
    TIMEOUT, DISCONNECTED, PROTOCOL_ERROR, SERVICE_UNAVAILABLE, CONNECTION_FAILED, CONNECTION_TIMEOUT, TLS_FAILED,
)  # fmt: skip
"""Reasons that can occur with any provider."""
