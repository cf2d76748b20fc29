"""A gateway's calls: what became of messages, and what people wrote back.

A call that is replayed changes nothing: a receipt about the same message with the same state is known already, and a
text that the gateway numbers is recognised by that.
"""

from collections.abc import Sequence
from dataclasses import replace

from adapters.base import Callback, CallbackError, IncomingText, NotAuthentic, Receipt, ReceiptKind
from adapters.http.details import without_addresses
from adapters.reasons import NOT_DELIVERED
from adapters.sms_gateway.callbacks import CallFields
from adapters.sms_gateway.options import SmsGatewayOptions
from adapters.sms_gateway.tokens import PARAMETER, is_fixed, key_in


def receipts(options: SmsGatewayOptions, name: str, callback: Callback) -> Sequence[Receipt | IncomingText]:
    """Read a call from the gateway.

    Raises:
        NotAuthentic: the URL has neither a token that is signed for a message nor a fixed one.
        CallbackError: it cannot be read.
    """
    fields = CallFields(callback)
    token = fields.url.get(PARAMETER, b"").decode("latin-1")
    key = key_in(token, options.receipt_secrets)
    if key is not None:
        return [replace(one, key=key) for one in _of_message(options, name, fields, key, callback.at)]
    if not is_fixed(token, options.fixed_tokens):
        raise NotAuthentic("the token in the URL is missing, or signed with another secret")
    if options.text_body in fields and options.receipt_status not in fields:
        return [_text(options, name, fields, callback.at)]
    if not options.receipt_reference:
        raise CallbackError("a receipt at a fixed URL is found by its reference: set receipt_reference")
    return _of_message(options, name, fields, fields.text(options.receipt_reference), callback.at)


def _of_message(
    options: SmsGatewayOptions, name: str, fields: CallFields, reference: str, at: int
) -> Sequence[Receipt]:
    status = fields.text(options.receipt_status)
    if not status:
        raise CallbackError("the receipt has no status: set receipt_status to the name of its field")
    word = options.receipt_kinds.get(status)
    if word is None:
        raise CallbackError("the receipt's status is not in receipt_kinds")
    if word == "none":
        return []
    if not reference:
        raise CallbackError("the receipt does not say which message it is about: check receipt_reference")
    kind = ReceiptKind(word)
    reason = NOT_DELIVERED.value if kind is ReceiptKind.BOUNCED else ""
    detail = without_addresses(fields.text(options.receipt_detail)) if options.receipt_detail else ""
    return [Receipt(name, reference, kind, at, reason, detail)]


def _text(options: SmsGatewayOptions, name: str, fields: CallFields, at: int) -> IncomingText:
    address = fields.text(options.text_from)
    if not address:
        raise CallbackError("the text does not say who wrote it: set text_from to the name of its field")
    charset = fields.text(options.text_charset) if options.text_charset else ""
    text = fields.text(options.text_body, charset or "utf-8")
    return IncomingText(name, address, text, at, fields.text(options.text_id) if options.text_id else "")
