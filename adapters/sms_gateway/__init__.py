"""Any SMS gateway that is called by HTTP, such as Kannel: its fields and answers are settings."""

from adapters.kinds import AdapterKind
from adapters.sms_gateway.adapter import SmsGatewayAdapter
from adapters.sms_gateway.options import SmsGatewayOptions
from adapters.sms_gateway.reasons import SMS_GATEWAY_REASONS
from adapters.sms_gateway.receipts import receipts

SMS_GATEWAY = AdapterKind(
    "sms_gateway",
    SmsGatewayOptions,
    SmsGatewayAdapter,
    channel="sms",
    receipts=receipts,
    reasons=SMS_GATEWAY_REASONS,
)
"""The provider ``sms_gateway``."""
