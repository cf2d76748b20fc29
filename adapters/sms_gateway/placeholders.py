"""Placeholders in a gateway's fields and headers, such as ``{to}``, and what they stand for in one message."""

from base64 import b64encode
from collections.abc import Mapping

from pydantic import JsonValue

from adapters.base import Message
from adapters.sms_gateway.alphabet import fits_gsm
from adapters.sms_gateway.options import PLACEHOLDER, SmsGatewayOptions
from adapters.sms_gateway.tokens import receipt_url


def values_of(options: SmsGatewayOptions, message: Message) -> Mapping[str, str]:
    """Return what each placeholder stands for."""
    text = message.payload.text
    return {
        **login_of(options),
        "to": message.recipient,
        "to_digits": message.recipient.removeprefix("+"),
        "text": text,
        "text_hex": text.encode("utf-16-be", "replace").hex().upper(),
        "coding": options.coding_gsm if fits_gsm(text) else options.coding_unicode,
        "from": options.sender,
        "key": message.key,
        "receipt_url": receipt_url(options, message.key),
    }


def login_of(options: SmsGatewayOptions) -> Mapping[str, str]:
    """Return what the placeholders of headers stand for."""
    password = options.password.get_secret_value()
    basic = b64encode(f"{options.username}:{password}".encode()).decode("ascii")
    return {"username": options.username, "password": password, "basic": basic}


def filled(value: JsonValue, values: Mapping[str, str]) -> JsonValue:
    """Return ``value`` with its placeholders replaced, at any depth; what replaces one is not looked at again."""
    if isinstance(value, str):
        return PLACEHOLDER.sub(lambda found: values[found[1]], value)
    if isinstance(value, list):
        return [filled(one, values) for one in value]
    if isinstance(value, dict):
        return {name: filled(one, values) for name, one in value.items()}
    return value


def as_text(value: JsonValue) -> str:
    """Return how a form or a query writes a filled field."""
    return str(value).lower() if isinstance(value, bool) else str(value)
