"""The Web Push adapter: one request to the browser's push service for each message."""

import json
import os
from dataclasses import replace
from hashlib import blake2b

from cryptography.hazmat.primitives.asymmetric import ec

from adapters.base import Answer, Departing, Message, Outcome, PushPayload
from adapters.clock import Now
from adapters.http.adapter import HttpAdapter
from adapters.reasons import MESSAGE_UNSUITABLE
from adapters.webpush.base64url import encoded
from adapters.webpush.encryption import LARGEST, SALT, encrypt
from adapters.webpush.options import WebPushOptions
from adapters.webpush.outcomes import classified
from adapters.webpush.subscription import Subscription, read_subscription
from adapters.webpush.vapid import Vapid


class WebPushAdapter(HttpAdapter):
    """Notifies browsers. A message that is sent again replaces the first at the push service, and on the screen."""

    channel = "push"
    payload = PushPayload

    def __init__(self, options: WebPushOptions, vapid: Vapid, name: str = "webpush") -> None:
        super().__init__(options, name)
        self._options = options
        self._vapid = vapid
        self._reached: set[str] = set()
        """The push services that answered when they were last called."""

    async def send_telling(self, message: Message, departing: Departing) -> Answer:
        """Send one notification; it departs when the request's body is about to be written."""
        try:
            subscription = read_subscription(message.recipient, self._options.hosts)
        except ValueError as error:
            return Answer(Outcome.REJECTED, "address_invalid", str(error))
        topic = _topic(message.key)
        content = _content(message.payload, topic)
        if len(content) > LARGEST:
            said = f"it has {len(content)} octets for the browser; push services take {LARGEST}"
            return Answer(Outcome.REJECTED, MESSAGE_UNSUITABLE.value, said)
        own, salt = ec.generate_private_key(ec.SECP256R1()), os.urandom(SALT)
        body = encrypt(content, subscription.key, subscription.auth, own, salt)
        headers = self._headers(subscription, topic)
        reply = await self._client.post(subscription.endpoint, body, headers, departing)
        if isinstance(reply, Answer):
            return self._not_answered(subscription.origin, reply)
        self._reached.add(subscription.origin)
        return classified(reply, topic, subscription.secrets)

    def _headers(self, subscription: Subscription, topic: str) -> dict[str, str]:
        return {
            "authorization": self._vapid.authorization(subscription.origin),
            "content-encoding": "aes128gcm",
            "content-type": "application/octet-stream",
            "ttl": str(self._options.time_to_live),
            "topic": topic,
            "urgency": self._options.urgency,
        }

    def _not_answered(self, origin: str, answer: Answer) -> Answer:
        """Return the answer if a push service cannot be reached: while another can, the adapter is not down."""
        self._reached.discard(origin)
        if answer.outcome is Outcome.ADAPTER_DOWN and self._reached:
            return replace(answer, outcome=Outcome.SENDING_REFUSED)
        return answer


def make_webpush(options: WebPushOptions, name: str, now: Now) -> WebPushAdapter:
    """Return the adapter; ``now`` tells the machine's time.

    Raises:
        ValueError: the private key is not one.
    """
    return WebPushAdapter(options, Vapid(options.private_key.get_secret_value(), options.contact, now), name)


def _topic(key: str) -> str:
    """Return what is the same for each copy of a message, in up to 32 characters of Base64url (RFC 8030, section 5.4)."""
    return encoded(blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest())


def _content(payload: PushPayload, tag: str) -> bytes:
    """Return what the service worker gets: JSON."""
    shown: dict[str, object] = {"title": payload.title, "body": payload.body, "tag": tag}
    optional = {"image": payload.image, "link": payload.link, "data": dict(payload.data)}
    shown |= {name: value for name, value in optional.items() if value}
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
