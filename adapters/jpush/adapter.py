"""The JPush adapter: one request to the Push API for each message, with a ``cid`` by which JPush recognises a second copy."""

import asyncio
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace

import orjson

from adapters.base import Answer, Departing, Message, Outcome, PushPayload
from adapters.http.adapter import HttpAdapter
from adapters.http.client import Reply
from adapters.jpush.notification import notification
from adapters.jpush.options import JPushOptions
from adapters.jpush.outcomes import classified, keys_in
from adapters.jpush.reasons import NO_DEVICE
from adapters.reasons import PROTOCOL_ERROR


class JPushAdapter(HttpAdapter):
    """Notifies the devices of one app. Of pushes with the same key, JPush sends the first."""

    channel = "push"
    payload = PushPayload
    send_key_lifetime = 23 * 3_600_000
    """JPush says a day."""

    def __init__(self, options: JPushOptions, name: str = "jpush") -> None:
        super().__init__(options, name)
        self._options = options
        self._knows_devices = False
        """Whether a message was accepted, so that the app key is that of the devices."""

    async def send_telling(self, message: Message, departing: Departing) -> Answer:
        """Send one notification; it departs when the request's body is about to be written."""
        device = message.recipient
        if not device.isascii() or not device.isalnum():
            return Answer(Outcome.REJECTED, "address_invalid", "this is not a registration ID of JPush")
        body = orjson.dumps(self._push(message))
        reply = await self._client.post(f"{self._options.url}/v3/push", body, self._headers(), departing)
        if isinstance(reply, Answer):
            return reply
        return self._judged(classified(reply, (device, message.send_key, *self._secrets())))

    async def send_keys(self, count: int) -> Sequence[str] | Answer:
        """Return ``count`` new values of ``cid``, or the answer that says why there are none."""
        most = self._options.keys_at_once
        parts = [min(most, count - start) for start in range(0, count, most)]
        keys: list[str] = []
        for given in await asyncio.gather(*(self._keys(part) for part in parts)):
            if isinstance(given, Answer):
                return given
            keys += given
        return keys

    async def _keys(self, count: int) -> Sequence[str] | Answer:
        reply = await self._client.get(f"{self._options.url}/v3/push/cid?count={count}", self._headers())
        if isinstance(reply, Answer):
            return replace(reply, outcome=Outcome.ADAPTER_DOWN)
        keys = keys_in(reply)
        return keys if len(keys) == count else self._no_keys(reply, len(keys), count)

    def _no_keys(self, reply: Reply, given: int, asked: int) -> Answer:
        if reply.status == 200:
            said = f"JPush gave {given} keys instead of {asked}: see the option keys_at_once"
            return Answer(Outcome.ADAPTER_DOWN, PROTOCOL_ERROR.value, said)
        return replace(classified(reply, self._secrets()), outcome=Outcome.ADAPTER_DOWN)

    def _judged(self, answer: Answer) -> Answer:
        """Return ``answer``. A device is gone only if others are there: with a wrong app key, JPush knows none of them."""
        if answer.outcome is Outcome.ACCEPTED:
            self._knows_devices = True
        elif answer.reason == NO_DEVICE.value:
            return replace(answer, gone=self._knows_devices)
        return answer

    def _push(self, message: Message) -> Mapping[str, object]:
        options = self._options
        push: dict[str, object] = {
            "platform": ["android", "ios"],
            "audience": {"registration_id": [message.recipient]},
            "notification": notification(message.payload),
            "options": {"time_to_live": options.time_to_live, "apns_production": options.apns_production},
        }
        return {"cid": message.send_key, **push} if message.send_key else push

    def _headers(self) -> dict[str, str]:
        login = f"{self._options.app_key}:{self._options.master_secret.get_secret_value()}"
        return {
            "authorization": f"Basic {b64encode(login.encode()).decode('ascii')}",
            "content-type": "application/json",
            "accept": "application/json",
        }

    def _secrets(self) -> tuple[str, ...]:
        return (self._options.master_secret.get_secret_value(),)
