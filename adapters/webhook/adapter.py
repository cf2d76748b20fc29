"""Posts each event to the endpoint, signed by Standard Webhooks.

The identifier is derived from the message's key, so it is the same on every attempt: receivers recognise a repetition.
"""

import json
from datetime import UTC, datetime
from hashlib import blake2b

from standardwebhooks import Webhook

from adapters.base import Answer, Departing, Message, WebhookPayload
from adapters.clock import Now
from adapters.http.adapter import HttpAdapter
from adapters.webhook.options import WebhookOptions
from adapters.webhook.outcomes import classified


class WebhookAdapter(HttpAdapter):
    """One endpoint, which gets all events.

    Raises:
        ValueError: there is no secret to sign with.
    """

    channel = "webhook"
    payload = WebhookPayload

    def __init__(self, options: WebhookOptions, name: str, now: Now) -> None:
        secrets = options.secrets.get_secret_value().split()
        if not secrets:
            raise ValueError("`secrets` is missing: put one into HABITUE_ADAPTERS__WEBHOOK__SECRETS; docs/webhooks.md")
        super().__init__(options, name)
        self._now = now
        self._signers = [Webhook(secret) for secret in secrets]
        self._options = options

    async def send_telling(self, message: Message, departing: Departing) -> Answer:
        """Post one event; ``departing`` is called just before the body is written."""
        body, reference = _body(message), _identifier(message.key)
        reply = await self._client.post(self._options.url, body, self._headers(reference, body), departing)
        return reply if isinstance(reply, Answer) else classified(reply, reference)

    def _headers(self, reference: str, body: bytes) -> dict[str, str]:
        sent_at = datetime.fromtimestamp(self._now() // 1000, UTC)
        text = body.decode()
        return {
            **{name: value.get_secret_value() for name, value in self._options.headers.items()},
            "content-type": "application/json",
            "webhook-id": reference,
            "webhook-timestamp": str(int(sent_at.timestamp())),
            "webhook-signature": " ".join(signer.sign(reference, sent_at, text) for signer in self._signers),
        }


def _identifier(key: str) -> str:
    """Return the webhook-id: letters and digits, because the signature is over it, followed by a full stop."""
    return f"msg_{blake2b(key.encode('utf-8', 'surrogatepass'), digest_size=16).hexdigest()}"


def _body(message: Message) -> bytes:
    event = {
        "type": message.payload.event,
        "timestamp": datetime.fromtimestamp(message.at / 1000, UTC).isoformat(timespec="milliseconds"),
        "user": message.recipient,
        "data": message.payload.data,
    }
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
