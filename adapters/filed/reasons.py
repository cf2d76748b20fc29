"""Reasons of providers with filed templates: what they refuse, and what carriers report."""

from adapters.reasons import AnswerReason

TEMPLATE_UNMAPPED = AnswerReason(
    "template_unmapped", "No template filed with the provider is configured for this message and its language."
)
TEMPLATE_MISMATCH = AnswerReason("template_mismatch", "The message does not read like the template filed for it.")
PARAMETER_TOO_LONG = AnswerReason(
    "parameter_too_long", "A value in the message is longer than the provider allows in a filed template."
)
TEMPLATE_REFUSED = AnswerReason(
    "template_refused", "The provider does not accept the filed template: check that it is approved and mapped rightly."
)
SIGNATURE_REFUSED = AnswerReason(
    "signature_refused", "The provider does not accept the signature (the brand's name): check that it is approved."
)
ACCOUNT_SUSPENDED = AnswerReason(
    "account_suspended", "The provider has suspended the account, or the service is not activated."
)
BALANCE_EXHAUSTED = AnswerReason("balance_exhausted", "The account's balance or package of messages is used up.")
CLOCK_WRONG = AnswerReason("clock_wrong", "The provider's clock and this machine's differ too much.")
PLATFORM_QUOTA = AnswerReason("platform_quota", "The account's limit of messages for the day or month is reached.")
RECIPIENT_LIMIT = AnswerReason(
    "recipient_limit", "The recipient has had as many messages as the provider allows for now."
)
NUMBER_REFUSED = AnswerReason("number_refused", "The provider does not accept the phone number.")
NUMBER_BLOCKED = AnswerReason("number_blocked", "The recipient has unsubscribed, or is on a list of blocked numbers.")
NUMBER_ABROAD = AnswerReason("number_abroad", "The provider's filed templates do not reach numbers of this country.")
OUTSIDE_HOURS = AnswerReason("outside_hours", "The provider sends marketing messages at certain hours only.")

PHONE_UNREACHABLE = AnswerReason(
    "phone_unreachable", "The phone is switched off or out of reach, or its number is out of service."
)
UNDELIVERED = AnswerReason(
    "undelivered", "The carrier did not deliver the message, and says nothing that is understood here."
)

FILED_REASONS = (TEMPLATE_UNMAPPED, TEMPLATE_MISMATCH, PARAMETER_TOO_LONG)
"""The reasons of ``fill``."""
