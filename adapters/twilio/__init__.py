"""Twilio's Messages API: text messages, their receipts, and what people write back."""

from adapters.kinds import AdapterKind, ReceiptReply
from adapters.twilio.adapter import TwilioAdapter
from adapters.twilio.options import TwilioOptions
from adapters.twilio.reasons import TWILIO_REASONS
from adapters.twilio.receipts import receipts

TWILIO = AdapterKind(
    "twilio",
    TwilioOptions,
    TwilioAdapter,
    channel="sms",
    receipts=receipts,
    reasons=TWILIO_REASONS,
    receipt_reply=ReceiptReply(b"<Response/>", "text/xml"),  # TwiML: nothing is sent back to who wrote
)
"""The provider ``twilio``."""
