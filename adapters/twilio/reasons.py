"""The reasons of the ``twilio`` adapter's answers and receipts, except ``address_invalid``, which delivery declares."""

from adapters.http.outcomes import HTTP_REASONS
from adapters.reasons import CONTENT_REFUSED, MESSAGE_UNSUITABLE, NOT_DELIVERED, NUMBER_UNUSABLE, AnswerReason

NUMBER_UNREACHABLE = AnswerReason(
    "number_unreachable", "The number cannot be reached at present, or not from this sender: switched off, or roaming."
)
OPTED_OUT = AnswerReason(
    "opted_out_at_provider", "The recipient has answered STOP to this sender, and Twilio sends no more to them."
)
REGION_NOT_PERMITTED = AnswerReason(
    "region_not_permitted", "The account may not send to this country: enable it in Twilio's geographic permissions."
)
SENDER_UNUSABLE = AnswerReason(
    "sender_unusable",
    "Twilio does not send from this number or messaging service: check sender and messaging_service.",
)
SENDER_UNREGISTERED = AnswerReason(
    "sender_unregistered", "Carriers in this country take messages only from registered senders, and this one is not."
)
ACCOUNT_INACTIVE = AnswerReason("account_inactive", "The account is suspended, closed, or a trial account.")
CALLBACK_URL_REFUSED = AnswerReason(
    "callback_url_refused", "Twilio does not accept the URL for receipts: check callback_url."
)
CARRIER_BLOCKED = AnswerReason("carrier_blocked", "The carrier or Twilio blocks messages to this recipient or from us.")
CARRIER_FILTERED = AnswerReason("carrier_filtered", "The carrier or Twilio took the message for spam.")
PRICE_LIMIT = AnswerReason("price_limit", "The message would cost more than the account's limit.")
NOT_SENT_IN_TIME = AnswerReason("not_sent_in_time", "The message waited at Twilio for longer than it was valid.")

TWILIO_REASONS: tuple[AnswerReason, ...] = (
    *HTTP_REASONS,
    MESSAGE_UNSUITABLE,
    CONTENT_REFUSED,
    NUMBER_UNUSABLE,
    NUMBER_UNREACHABLE,
    OPTED_OUT,
    REGION_NOT_PERMITTED,
    SENDER_UNUSABLE,
    SENDER_UNREGISTERED,
    ACCOUNT_INACTIVE,
    CALLBACK_URL_REFUSED,
    CARRIER_BLOCKED,
    CARRIER_FILTERED,
    PRICE_LIMIT,
    NOT_SENT_IN_TIME,
    NOT_DELIVERED,
)
