"""The reasons of the ``sms_gateway`` adapter's answers and receipts, except ``address_invalid``, which delivery declares."""

from adapters.http.outcomes import HTTP_REASONS
from adapters.reasons import MESSAGE_UNSUITABLE, NOT_DELIVERED, NUMBER_UNUSABLE, AnswerReason

GATEWAY_DEFERRED = AnswerReason("gateway_deferred", "The gateway takes this message only if it is tried again later.")
GATEWAY_REFUSED = AnswerReason("gateway_refused", "The gateway refuses this message.")
GATEWAY_CLOSED = AnswerReason("gateway_closed", "The gateway takes no messages from us: check credit, quota and rate.")

SMS_GATEWAY_REASONS: tuple[AnswerReason, ...] = (
    *HTTP_REASONS,
    MESSAGE_UNSUITABLE,
    NUMBER_UNUSABLE,
    NOT_DELIVERED,
    GATEWAY_DEFERRED,
    GATEWAY_REFUSED,
    GATEWAY_CLOSED,
)
