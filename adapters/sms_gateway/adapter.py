"""The SMS gateway adapter: one request, made from the configured fields, for each text."""

import re
from collections.abc import Mapping
from urllib.parse import quote, urlencode

import orjson
from pydantic import JsonValue

from adapters.base import Answer, Departing, Message, Outcome, SmsPayload
from adapters.http.adapter import HttpAdapter
from adapters.http.client import Reply
from adapters.reasons import MESSAGE_UNSUITABLE
from adapters.sms_gateway.options import SmsGatewayOptions
from adapters.sms_gateway.outcomes import Reader
from adapters.sms_gateway.placeholders import as_text, filled, login_of, values_of

_E164 = re.compile(r"\+[1-9][0-9]{6,14}").fullmatch
_LONGEST_URL = 60_000
"""Characters; the HTTP client takes no more than 65,536."""
_TYPES = {"form": "application/x-www-form-urlencoded", "json": "application/json"}


class SmsGatewayAdapter(HttpAdapter):
    """Sends texts through a gateway that is called by HTTP.

    Whether the gateway recognises a message that it has already depends on it: ``{key}`` is the same on each attempt.
    """

    channel = "sms"
    payload = SmsPayload

    def __init__(self, options: SmsGatewayOptions, name: str = "sms_gateway") -> None:
        super().__init__(options, name)
        self._options = options
        self._reader = Reader(options)

    async def send_telling(self, message: Message, departing: Departing) -> Answer:
        """Send one text; it departs when the last part of the request is about to be written."""
        # Several gateways send to each of the numbers that a field lists, so this must be one.
        if not _E164(message.recipient):
            return Answer(Outcome.REJECTED, "address_invalid", "this is not a phone number in the form of E.164")
        reply = await self._ask(message, departing)
        return (
            reply if isinstance(reply, Answer) else self._reader.classified(reply, message.key, self._private(message))
        )

    async def _ask(self, message: Message, departing: Departing) -> Reply | Answer:
        options = self._options
        values = values_of(options, message)
        fields = {name: filled(value, values) for name, value in options.fields.items()}
        headers = {name: str(filled(value, login_of(options))) for name, value in options.headers.items()}
        if options.encoding == "query":
            url = f"{options.url}{'&' if '?' in options.url else '?'}{_written(fields)}"
            if len(url) > _LONGEST_URL:
                return Answer(Outcome.REJECTED, MESSAGE_UNSUITABLE.value, "the text is too long for a URL")
            if options.method == "GET":
                return await self._client.get(url, headers, departing)
            return await self._client.post(url, b"", headers, departing)
        body = orjson.dumps(fields) if options.encoding == "json" else _written(fields).encode()
        return await self._client.post(
            options.url, body, {"content-type": _TYPES[options.encoding], **headers}, departing
        )

    def _private(self, message: Message) -> tuple[str, ...]:
        """Return what must not be in the log if the gateway repeats it."""
        options, number = self._options, message.recipient
        secrets = (options.password.get_secret_value(), *options.receipt_secrets, *options.fixed_tokens)
        return number, number.removeprefix("+"), message.payload.text, *secrets


def _written(fields: Mapping[str, JsonValue]) -> str:
    return urlencode({name: as_text(value) for name, value in fields.items()}, quote_via=quote, safe="")
