"""Reads Pigeon's calls: what became of a text, and what people wrote back."""

import hmac
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field

from adapters.base import Callback, CallbackError, IncomingText, NotAuthentic, Receipt, ReceiptKind
from adapters.http.details import without_addresses
from tests.cost_of_change.pigeon.options import PigeonOptions
from tests.cost_of_change.pigeon.outcomes import undelivered

_OLDEST = 5 * 60_000
"""How many milliseconds a call's time stamp may differ from its arrival."""


class _Event(BaseModel):
    model_config = ConfigDict(strict=True, hide_input_in_errors=True)

    id: str
    at: int


class _Status(_Event):
    status: str
    tag: str = ""
    code: int = 0
    message: str = ""


class _Incoming(_Event):
    sender: str = Field(alias="from")
    text: str


_KINDS = {"delivered": ReceiptKind.DELIVERED, "failed": ReceiptKind.BOUNCED}


def signature(secret: str, stamp: str, body: bytes) -> str:
    """Return Pigeon's signature of a call."""
    return hmac.new(secret.encode(), stamp.encode() + b"." + body, sha256).hexdigest()


def receipts(options: PigeonOptions, name: str, callback: Callback) -> Sequence[Receipt | IncomingText]:
    """Read one call: a list of events."""
    _verify(options, callback)
    try:
        events = orjson.loads(callback.body)["events"]
        return [read for one in events if (read := _event(one, name)) is not None]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CallbackError(f"this is not a list of Pigeon's events: {type(error).__name__}") from error


def _verify(options: PigeonOptions, callback: Callback) -> None:
    secrets = options.callback_secret.get_secret_value().split()
    if not secrets:
        raise NotAuthentic("`callback_secret` is not set, so no call can be verified")
    stamp = callback.headers.get("x-pigeon-timestamp", "")
    given = callback.headers.get("x-pigeon-signature", "").encode()
    if not any(hmac.compare_digest(given, signature(one, stamp, callback.body).encode()) for one in secrets):
        raise NotAuthentic("the signature does not match the call")
    if not (stamp.isascii() and stamp.isdigit() and abs(callback.at - int(stamp) * 1_000) <= _OLDEST):
        raise NotAuthentic("the time stamp is more than 5 minutes off")


def _event(event: Mapping[str, Any], name: str) -> Receipt | IncomingText | None:
    """Read one event; None if it says nothing that we keep, such as that a text is on its way."""
    if event["type"] == "incoming":
        text = _Incoming.model_validate(event)
        return IncomingText(name, text.sender, text.text, text.at, text.id)
    if event["type"] != "status" or event["status"] not in _KINDS:
        return None
    status = _Status.model_validate(event)
    if (kind := _KINDS[status.status]) is ReceiptKind.DELIVERED:
        return Receipt(name, status.id, kind, status.at, key=status.tag)
    meaning = undelivered(status.code)
    detail = f"{status.code}: {without_addresses(status.message)}"
    return Receipt(name, status.id, kind, status.at, meaning.reason.value, detail, meaning.gone, status.tag)
