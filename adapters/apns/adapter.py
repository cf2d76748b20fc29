"""The APNs adapter: one HTTP/2 request a message, all over one connection."""

from adapters.apns.options import ApnsOptions
from adapters.apns.outcomes import answer_of
from adapters.apns.request import LARGEST, body, headers, is_device_token, message_id, path
from adapters.apns.token import provider_token
from adapters.base import Answer, Departing, Message, Outcome, PushPayload
from adapters.clock import Now
from adapters.http.adapter import HttpAdapter
from adapters.reasons import MESSAGE_UNSUITABLE


class ApnsAdapter(HttpAdapter):
    """Sends pushes to one app.

    Raises:
        ValueError: the key cannot be read.
    """

    channel = "push"
    payload = PushPayload

    def __init__(self, options: ApnsOptions, name: str, now: Now) -> None:
        self._token = provider_token(options, now)
        super().__init__(options, name, http2=True)
        self._options = options
        self._proven = False
        """Whether APNs has accepted a message, so that environment and topic are right."""

    async def send_telling(self, message: Message, departing: Departing) -> Answer:
        """Send one message; it departs when its request is about to be written."""
        if not is_device_token(message.recipient):
            return Answer(Outcome.REJECTED, "address_invalid", "a device token of Apple has hexadecimal digits only")
        octets = body(message.payload)
        if len(octets) > LARGEST:
            said = f"the payload has {len(octets):,} octets; APNs takes {LARGEST:,}"
            return Answer(Outcome.REJECTED, MESSAGE_UNSUITABLE.value, said)
        url = f"{self._options.host}{path(message)}"
        reply = await self._client.post(url, octets, headers(message, self._options, self._token.value()), departing)
        if isinstance(reply, Answer):
            return reply
        answer = answer_of(reply, message_id(message.key), proven=self._proven)
        self._proven = self._proven or answer.outcome is Outcome.ACCEPTED
        return answer
