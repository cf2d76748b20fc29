"""A push as FCM takes it (HTTP v1, ``messages:send``).

A device shows a repeated message once: it has the same tag, and replaces the first.
"""

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from adapters.base import Message, PushPayload
from adapters.fcm.options import FcmOptions

LARGEST = 4_096
"""The most octets that the notification and the data may have together."""
_APNS_PRIORITY = {"high": "10", "normal": "5"}


def encoded(body: object) -> bytes:
    """Return JSON in UTF-8; half a surrogate pair, which no JSON can carry, becomes a question mark."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def size(payload: PushPayload) -> int:
    """Return how much of FCM's limit a push takes, in octets."""
    return len(encoded([_notification(payload), _data(payload)]))


def request(message: Message, options: FcmOptions) -> bytes:
    """Return the body of the request for a message."""
    payload: PushPayload = message.payload
    tag = blake2b(message.key.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
    data = _data(payload)
    body = {
        "token": message.recipient,
        "notification": _notification(payload),
        **({"data": data} if data else {}),
        "android": _android(tag, options),
        "apns": _apns(tag, message, options),
        "webpush": _webpush(tag, payload, options),
    }
    return encoded({"message": body})


def _notification(payload: PushPayload) -> Mapping[str, str]:
    shown = {"title": payload.title, "body": payload.body}
    return {**shown, "image": payload.image} if payload.image else shown


def _data(payload: PushPayload) -> Mapping[str, str]:
    """Return the data for the app, which opens the link itself."""
    return {**payload.data, "link": payload.link} if payload.link else payload.data


def _android(tag: str, options: FcmOptions) -> Mapping[str, Any]:
    notification = {"tag": tag, **({"channel_id": options.android_channel} if options.android_channel else {})}
    return {
        "collapse_key": tag,
        "priority": options.priority.upper(),
        "ttl": f"{options.time_to_live}s",
        "notification": notification,
    }


def _apns(tag: str, message: Message, options: FcmOptions) -> Mapping[str, Any]:
    headers = {
        "apns-collapse-id": tag,
        "apns-expiration": str(message.at // 1_000 + options.time_to_live if options.time_to_live else 0),
        "apns-priority": _APNS_PRIORITY[options.priority],
    }
    if not message.payload.image:
        return {"headers": headers}
    # The app's notification extension fetches the image: the phone asks it only if the push may be changed.
    return {
        "headers": headers,
        "payload": {"aps": {"mutable-content": 1}},
        "fcm_options": {"image": message.payload.image},
    }


def _webpush(tag: str, payload: PushPayload, options: FcmOptions) -> Mapping[str, Any]:
    urgency = "high" if options.priority == "high" else "normal"
    part = {"headers": {"TTL": str(options.time_to_live), "Urgency": urgency}, "notification": {"tag": tag}}
    # A browser opens links of the web only.
    return {**part, "fcm_options": {"link": payload.link}} if payload.link.startswith("https:") else part
