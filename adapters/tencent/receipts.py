"""Tencent Cloud's callbacks: arrays with what became of messages, and objects with what people wrote back."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from adapters.base import Callback, CallbackError, IncomingText, Receipt, ReceiptKind
from adapters.filed.callbacks import china_time, full_number, items_of, require_secret, text_of
from adapters.filed.reasons import PHONE_UNREACHABLE, UNDELIVERED
from adapters.http.details import without_addresses
from adapters.reasons import CONTENT_REFUSED, AnswerReason
from adapters.tencent.options import TencentOptions

CODES: Mapping[str, AnswerReason] = {
    "EXPIRED": PHONE_UNREACHABLE,
    "002": PHONE_UNREACHABLE,
    "-106": CONTENT_REFUSED,
}
"""A report's ``errmsg`` -> our reason. Most are the carriers' own, and ``undelivered``."""


def read_receipts(options: TencentOptions, adapter: str, callback: Callback) -> Sequence[Receipt | IncomingText]:
    """Return what a call reports.

    Raises:
        CallbackError: the caller does not know the secret (``NotAuthentic``), or the body cannot be read.
    """
    require_secret(callback, options.callback_secret)
    return [_read(adapter, item, callback.at) for item in items_of(callback.body)]


def _read(adapter: str, item: Mapping[str, Any], now: int) -> Receipt | IncomingText:
    if item.get("report_status") in {"SUCCESS", "FAIL"}:
        return _report(adapter, item, now)
    if isinstance(item.get("text"), str) and text_of(item, "mobile"):
        return _text(adapter, item, now)
    raise CallbackError("an item is neither a report (`report_status`) nor a text (`text`, `mobile`)")


def _report(adapter: str, item: Mapping[str, Any], now: int) -> Receipt:
    reference = text_of(item, "sid")
    if not reference:
        raise CallbackError("a report has no `sid`")
    at = china_time(text_of(item, "user_receive_time"), now)
    if item["report_status"] == "SUCCESS":
        return Receipt(adapter, reference, ReceiptKind.DELIVERED, at)
    code = text_of(item, "errmsg")
    detail = without_addresses(": ".join(part for part in (code, text_of(item, "description")) if part))
    return Receipt(adapter, reference, ReceiptKind.BOUNCED, at, CODES.get(code, UNDELIVERED).value, detail)


def _text(adapter: str, item: Mapping[str, Any], now: int) -> IncomingText:
    """Read what a person wrote. The provider gives it no id, so a repetition is known by all that it says."""
    mobile, seconds = text_of(item, "mobile"), text_of(item, "time")
    said = "\0".join((mobile, seconds, item["text"]))
    return IncomingText(
        adapter,
        full_number(mobile, text_of(item, "nationcode") or "86"),
        item["text"],
        int(seconds) * 1_000 if seconds.isdecimal() else now,
        sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:32],
    )
