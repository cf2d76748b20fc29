"""Tencent Cloud SMS (2021-01-11), by filed templates."""

from adapters.kinds import AdapterKind, ReceiptReply, WithClock
from adapters.tencent.adapter import TencentAdapter, review
from adapters.tencent.options import TencentOptions
from adapters.tencent.reasons import TENCENT_REASONS
from adapters.tencent.receipts import read_receipts

TENCENT = AdapterKind(
    "tencent",
    TencentOptions,
    WithClock(TencentAdapter),
    channel="sms",
    receipts=read_receipts,
    reasons=TENCENT_REASONS,
    review=review,
    receipt_reply=ReceiptReply(b'{"result":0,"errmsg":"OK"}'),
)
"""The provider ``tencent``."""
