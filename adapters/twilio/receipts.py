"""Twilio's calls: what became of messages, and what people wrote back.

A call that is replayed changes nothing: a receipt about the same message with the same state is known already, and a
text has its MessageSid. That is why signatures have no age here; Twilio gives none.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import orjson

from adapters.base import Callback, CallbackError, IncomingText, NotAuthentic, Receipt, ReceiptKind
from adapters.http.details import without_addresses
from adapters.reasons import NOT_DELIVERED
from adapters.twilio.codes import RECEIPTS
from adapters.twilio.options import TwilioOptions
from adapters.twilio.signature import Fields, verify

_FORM = "application/x-www-form-urlencoded"
_KINDS: Mapping[str, ReceiptKind] = {
    "delivered": ReceiptKind.DELIVERED,
    "read": ReceiptKind.OPENED,
    "undelivered": ReceiptKind.BOUNCED,
    "failed": ReceiptKind.BOUNCED,
    "canceled": ReceiptKind.BOUNCED,
}
"""MessageStatus -> what we call it. The others are on the way: queued, sending, sent and what Twilio adds to them."""


def receipts(options: TwilioOptions, name: str, callback: Callback) -> Sequence[Receipt | IncomingText]:
    """Read a call from Twilio.

    Raises:
        NotAuthentic: Twilio's signature is wrong or missing.
        CallbackError: it can be neither verified nor read.
    """
    if not options.auth_tokens:
        raise CallbackError("receipts can be verified only with the account's token: set auth_token")
    url = _public_url(options, callback.url)
    form = _form(callback)
    verify(callback, url, form, options.auth_tokens)
    fields = _fields(callback, url, form)
    status = fields.get("MessageStatus", "").lower()
    if status:
        return _of_message(name, status, fields, callback.at)
    if "Body" in fields and "From" in fields:
        return [_text(name, fields, callback.at)]
    raise CallbackError(
        "this is neither a message's status nor an incoming message: MessageStatus and Body are missing"
    )


def _public_url(options: TwilioOptions, called: str) -> str:
    """Return the URL that Twilio called: ``callback_url``, with the query that arrived, which proxies leave alone."""
    try:
        parts = urlsplit(called)
        known = bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise NotAuthentic("the URL that was called is not one") from error
    if not options.callback_url:
        if not known:
            raise CallbackError("the URL that Twilio called is not known: set callback_url")
        return called
    if not parts.query:
        return options.callback_url
    return urlunsplit(urlsplit(options.callback_url)._replace(query=parts.query))


def _form(callback: Callback) -> Fields:
    if callback.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        return []
    try:
        return parse_qsl(callback.body.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise NotAuthentic("the body is not a form") from error


def _fields(callback: Callback, url: str, form: Fields) -> Mapping[str, str]:
    """Return the fields of a verified call: a form's, a JSON object's, or those of the URL of a call without a body."""
    if form:
        return dict(form)
    if not callback.body:
        return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    try:
        read = orjson.loads(callback.body)
    except orjson.JSONDecodeError as error:
        raise CallbackError("the body is neither a form nor JSON") from error
    if not isinstance(read, dict):
        raise CallbackError("the body is not a JSON object")
    return {key: str(value) for key, value in read.items() if value is not None}


def _of_message(name: str, status: str, fields: Mapping[str, str], at: int) -> list[Receipt]:
    kind = _KINDS.get(status)
    if kind is None:
        return []
    reference = fields.get("MessageSid", "")
    if not reference:
        raise CallbackError("the status does not say which message it is about: MessageSid is missing")
    if kind is not ReceiptKind.BOUNCED:
        return [Receipt(name, reference, kind, at)]
    given = fields.get("ErrorCode", "")
    code = int(given) if given.isascii() and given.isdigit() else 0
    detail = f"{status} {given}: {fields.get('ErrorMessage', '')}" if code else status
    reason = RECEIPTS.get(code, NOT_DELIVERED).value
    return [Receipt(name, reference, kind, at, reason, without_addresses(detail).rstrip(": "))]


def _text(name: str, fields: Mapping[str, str], at: int) -> IncomingText:
    """Return what a person wrote.

    Where Twilio has recognised a keyword of the account's own, in any language, OptOutType says what it means: STOP,
    START or HELP, which stands for the text.
    """
    address = fields["From"].rpartition(":")[2]  # whatsapp:+12025550123
    return IncomingText(name, address, fields.get("OptOutType") or fields["Body"], at, fields.get("MessageSid", ""))
