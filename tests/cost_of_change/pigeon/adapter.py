"""Sends a text through Pigeon: one JSON request each, which has a key by which Pigeon recognises a second copy."""

import re
from collections.abc import Sequence
from uuid import uuid4

import orjson

from adapters.base import Answer, Departing, Message, Outcome, SmsPayload
from adapters.http.adapter import HttpAdapter
from adapters.http.client import Reply
from adapters.http.details import without_addresses
from adapters.reasons import MESSAGE_UNSUITABLE, PROTOCOL_ERROR
from tests.cost_of_change.pigeon.options import PigeonOptions
from tests.cost_of_change.pigeon.outcomes import refused
from tests.cost_of_change.pigeon.review import review

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}").fullmatch
_REMEMBERED = 23 * 3_600_000
"""Pigeon remembers a key for 24 hours; an hour is left for the way there and for clocks that differ."""


class PigeonAdapter(HttpAdapter):
    """Opened once, used by many tasks."""

    channel = "sms"
    payload = SmsPayload
    send_key_lifetime = _REMEMBERED

    def __init__(self, options: PigeonOptions, name: str) -> None:
        super().__init__(options, name)
        self._options = options

    async def send_keys(self, count: int) -> Sequence[str] | Answer:
        """Pigeon takes any key, so none has to be fetched; delivery stores them and drops them in time."""
        return [uuid4().hex for _ in range(count)]

    async def send_telling(self, message: Message, departing: Departing) -> Answer:
        if _NUMBER(message.recipient) is None:
            return Answer(Outcome.REJECTED, "address_invalid", "the number is not in the form of E.164")
        if objection := review(self._options, message).objection:
            return Answer(Outcome.REJECTED, MESSAGE_UNSUITABLE.value, objection)
        text = {"to": message.recipient, "from": self._options.sender, "text": message.payload.text, "tag": message.key}
        headers = {
            "content-type": "application/json",
            "authorization": f"Bearer {self._options.token.get_secret_value()}",
            "idempotency-key": message.send_key or message.key,
        }
        reply = await self._client.post(f"{self._options.url}/v2/messages", orjson.dumps(text), headers, departing)
        return reply if isinstance(reply, Answer) else self._read(reply, message)

    def _read(self, reply: Reply, message: Message) -> Answer:
        read = reply.json()
        if reply.status == 202:
            if isinstance(reference := read.get("id"), str) and reference:
                return Answer(Outcome.ACCEPTED, reference=reference)
            return Answer(Outcome.UNKNOWN, PROTOCOL_ERROR.value, "the answer has no id")
        code, said = read.get("code"), read.get("message")
        secrets = (message.recipient, self._options.token.get_secret_value())
        return refused(reply, code if isinstance(code, int) else 0, without_addresses(str(said or ""), secrets))
