"""A provider from outside the program, connected as ``docs/adapters.md`` says. Nothing in the program knows about it."""

from adapters.http.outcomes import HTTP_REASONS
from adapters.kinds import AdapterKind, ReceiptReply
from adapters.reasons import CONTENT_REFUSED, MESSAGE_UNSUITABLE, NOT_DELIVERED, NUMBER_UNUSABLE
from engine.kinds import Kinds
from tests.cost_of_change.pigeon.adapter import PigeonAdapter
from tests.cost_of_change.pigeon.options import PigeonOptions
from tests.cost_of_change.pigeon.outcomes import OWN_REASONS
from tests.cost_of_change.pigeon.receipts import receipts
from tests.cost_of_change.pigeon.review import review

PIGEON = AdapterKind(
    "pigeon",
    PigeonOptions,
    PigeonAdapter,
    channel="sms",
    receipts=receipts,
    receipt_reply=ReceiptReply(b'{"taken":true}'),
    reasons=(*HTTP_REASONS, CONTENT_REFUSED, MESSAGE_UNSUITABLE, NOT_DELIVERED, NUMBER_UNUSABLE, *OWN_REASONS),
    review=review,
)
KINDS = Kinds(adapters=(PIGEON,))
"""What the entry point `habitue.kinds` names."""
