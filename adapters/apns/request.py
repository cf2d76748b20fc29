"""A push as APNs takes it: the path, the headers and the payload."""

import json
import re
from collections.abc import Mapping
from hashlib import blake2b
from uuid import UUID

from adapters.apns.options import ApnsOptions
from adapters.base import Message, PushPayload

LARGEST = 4_096
"""The most octets that a payload may have."""
_PRIORITY = {"high": "10", "normal": "5"}
_TOKEN = re.compile(r"[0-9A-Fa-f]{2,400}").fullmatch


def is_device_token(address: str) -> bool:
    """Tell whether ``address`` can be a device token of Apple: hexadecimal digits, of no certain number."""
    return _TOKEN(address) is not None and len(address) % 2 == 0


def path(message: Message) -> str:
    """Return the path of the device."""
    return f"/3/device/{message.recipient}"


def message_id(key: str) -> str:
    """Return the ID of the message with APNs, which is the same on every attempt."""
    return str(UUID(bytes=blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest(), version=5))


def headers(message: Message, options: ApnsOptions, token: str) -> Mapping[str, str]:
    """Return the headers. A device shows a repeated message once: it has the same collapse ID, and replaces the first."""
    name = message_id(message.key)
    until = message.at // 1_000 + options.time_to_live if options.time_to_live else 0
    return {
        "authorization": f"bearer {token}",
        "apns-id": name,
        "apns-collapse-id": name,
        "apns-expiration": str(until),
        "apns-priority": _PRIORITY[options.priority],
        "apns-push-type": "alert",
        "apns-topic": options.topic,
        "content-type": "application/json",
    }


def body(payload: PushPayload) -> bytes:
    """Return the payload as JSON in UTF-8; half a surrogate pair, which it cannot carry, becomes a question mark.

    The link, the image and the data are for the app, beside Apple's own part. The app's notification extension fetches
    the image: the phone asks it only if the push says that it may be changed.
    """
    alert = {"title": payload.title, "body": payload.body}
    aps = {"alert": alert, **({"mutable-content": 1} if payload.image else {})}
    links = {name: url for name, url in (("link", payload.link), ("image", payload.image)) if url}
    whole = {**payload.data, **links, "aps": aps}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
