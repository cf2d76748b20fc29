"""What a push service's status means (RFC 8030; RFC 8292, section 4.2; the documentation of Apple, Google and Mozilla)."""

import re
from collections.abc import Iterable

from adapters.base import Answer, Outcome
from adapters.http.client import Reply
from adapters.http.details import without_addresses
from adapters.http.outcomes import by_status
from adapters.reasons import MESSAGE_UNSUITABLE, RATE_LIMITED
from adapters.webpush.reasons import SUBSCRIPTION_GONE, VAPID_REFUSED

_ABOUT_VAPID = re.compile(r"vapid|jwt|UnauthorizedRegistration", re.IGNORECASE)
"""What is said with 400 if the key is meant: by Apple, and by Google and Mozilla."""


def classified(reply: Reply, reference: str, secrets: Iterable[str]) -> Answer:
    """Return the answer to a message with this ``reference``; ``secrets`` must not be in its detail.

    That our key is refused is not taken for true because of one message: its subscription may be of an earlier key.
    """
    text = reply.body[:1000].decode("utf-8", "replace")
    detail = without_addresses(text, secrets)
    match reply.status:
        case 200 | 201 | 202 | 204:
            return Answer(Outcome.ACCEPTED, reference=reference)
        case 404 | 410:
            return Answer(Outcome.REJECTED, SUBSCRIPTION_GONE.value, detail, gone=True)
        case 413:
            return Answer(Outcome.REJECTED, MESSAGE_UNSUITABLE.value, detail)
        case 429:
            wait = reply.headers.get("retry-after", "")[:40]
            said = without_addresses(f"Retry-After: {wait} {text}" if wait else text, secrets)
            return Answer(Outcome.SENDING_REFUSED, RATE_LIMITED.value, said)
        case 401 | 403:
            return Answer(Outcome.SENDING_REFUSED, VAPID_REFUSED.value, detail)
        case 400 if _ABOUT_VAPID.search(text):
            return Answer(Outcome.SENDING_REFUSED, VAPID_REFUSED.value, detail)
    return by_status(reply, detail)
