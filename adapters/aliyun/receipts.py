"""Alibaba Cloud's reports over HTTP: SmsReport about messages, SmsUp with what people wrote back."""

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.aliyun.options import AliyunOptions
from adapters.base import Callback, CallbackError, IncomingText, Receipt, ReceiptKind
from adapters.filed.callbacks import china_time, full_number, items_of, require_secret, text_of
from adapters.filed.reasons import (
    NUMBER_BLOCKED,
    PHONE_UNREACHABLE,
    RECIPIENT_LIMIT,
    SIGNATURE_REFUSED,
    UNDELIVERED,
)
from adapters.http.details import without_addresses
from adapters.reasons import CONTENT_REFUSED, AnswerReason

CODES: Mapping[str, AnswerReason] = {
    "MOBILE_NOT_ON_SERVICE": PHONE_UNREACHABLE,
    "MOBILE_ACCOUNT_ABNORMAL": PHONE_UNREACHABLE,
    "MOBLLE_TERMINAL_ERROR": PHONE_UNREACHABLE,  # as the provider spells it
    "MOBILE_TERMINAL_ERROR": PHONE_UNREACHABLE,
    "REQUEST_SUCCESS": PHONE_UNREACHABLE,
    "INVALID_NUMBER": PHONE_UNREACHABLE,
    "MOBILE_SEND_LIMIT": RECIPIENT_LIMIT,
    "MOBILE_IN_BLACK": NUMBER_BLOCKED,
    "USER_REJECT": NUMBER_BLOCKED,
    "CONTENT_KEYWORD": CONTENT_REFUSED,
    "CONTENT_ERROR": CONTENT_REFUSED,
    "PORT_NOT_REGISTERED": SIGNATURE_REFUSED,
}
"""A report's ``err_code`` -> our reason; others, such as the carriers' own, are ``undelivered``."""


def read_receipts(options: AliyunOptions, adapter: str, callback: Callback) -> Sequence[Receipt | IncomingText]:
    """Return what a call reports.

    Raises:
        CallbackError: the caller does not know the secret (``NotAuthentic``), or the body cannot be read.
    """
    require_secret(callback, options.callback_secret)
    return [_read(adapter, item, callback.at) for item in items_of(callback.body)]


def _read(adapter: str, item: Mapping[str, Any], now: int) -> Receipt | IncomingText:
    if isinstance(item.get("success"), bool):
        return _report(adapter, item, now)
    if isinstance(item.get("content"), str) and text_of(item, "phone_number"):
        return IncomingText(
            adapter,
            full_number(text_of(item, "phone_number")),
            item["content"],
            china_time(text_of(item, "send_time"), now),
            text_of(item, "sequence_id"),
        )
    raise CallbackError("an item is neither a report (`success`) nor a text (`content`, `phone_number`)")


def _report(adapter: str, item: Mapping[str, Any], now: int) -> Receipt:
    reference, key = text_of(item, "biz_id"), text_of(item, "out_id")
    if not reference and not key:
        raise CallbackError("a report has neither `biz_id` nor `out_id`")
    at = china_time(text_of(item, "report_time"), now)
    if item["success"]:
        return Receipt(adapter, reference, ReceiptKind.DELIVERED, at, key=key)
    code = text_of(item, "err_code")
    detail = without_addresses(": ".join(part for part in (code, text_of(item, "err_msg")) if part))
    reason = CODES.get(code, UNDELIVERED)
    return Receipt(
        adapter,
        reference,
        ReceiptKind.BOUNCED,
        at,
        reason.value,
        detail,
        gone=reason is NUMBER_BLOCKED,
        key=key,
    )
