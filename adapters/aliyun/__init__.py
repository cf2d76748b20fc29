"""Alibaba Cloud SMS (Dysmsapi 2017-05-25) for numbers of mainland China, by filed templates."""

from adapters.aliyun.adapter import AliyunAdapter, review
from adapters.aliyun.options import AliyunOptions
from adapters.aliyun.reasons import ALIYUN_REASONS
from adapters.aliyun.receipts import read_receipts
from adapters.kinds import AdapterKind, ReceiptReply, WithClock

ALIYUN = AdapterKind(
    "aliyun",
    AliyunOptions,
    WithClock(AliyunAdapter),
    channel="sms",
    receipts=read_receipts,
    reasons=ALIYUN_REASONS,
    review=review,
    receipt_reply=ReceiptReply(b'{"code":0,"msg":"OK"}'),
)
"""The provider ``aliyun``."""
