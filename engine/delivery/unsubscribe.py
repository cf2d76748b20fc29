"""One-click unsubscribe links (RFC 8058): a signed token that names the user, the channel and the class.

The token holds no address. It does not expire: a link in an old mail has to work. Several secrets can be given,
separated by spaces: the first signs, all of them verify, so a secret can be replaced without breaking old links.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import blake2b, sha256

_MAC_OCTETS = 16
_MAX_TOKEN = 400


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a token unsubscribes: one user from one class of message on one channel, because of one action."""

    user_id: int
    channel: str
    message_class: str
    action_id: int


class Unsubscriber:
    """Makes and reads tokens."""

    def __init__(self, secret: str, url: str = "") -> None:
        """Sign with the first of the space-separated secrets; ``url`` is the start of the links."""
        self._keys = [sha256(part.encode()).digest() for part in secret.split()]
        if not self._keys:
            raise ValueError("an unsubscribe token needs a secret")
        self._url = url

    def make_token(self, subscription: Subscription) -> str:
        """Return the token, of letters, digits, ``-``, ``_`` and one ``.``."""
        fields = (subscription.user_id, subscription.channel, subscription.message_class, subscription.action_id)
        payload = "|".join(map(str, fields)).encode()
        return f"{_text(payload)}.{_text(_mac(self._keys[0], payload))}"

    def verify(self, token: str) -> Subscription | None:
        """Return what ``token`` unsubscribes; None where we did not make it."""
        body, dot, mac = token.partition(".")
        if not dot or len(token) > _MAX_TOKEN:
            return None
        try:
            payload, given = _octets(body), _octets(mac)
        except ValueError:
            return None
        if not any(hmac.compare_digest(given, _mac(key, payload)) for key in self._keys):
            return None
        user_id, channel, message_class, action_id = payload.decode().split("|")
        return Subscription(int(user_id), channel, message_class, int(action_id))

    def link(self, subscription: Subscription) -> str:
        """Return the whole address: the brand's ``unsubscribe_url`` with the token as its parameter ``t``."""
        joint = "&" if "?" in self._url else "?"
        return f"{self._url}{joint}t={self.make_token(subscription)}"


def _mac(key: bytes, payload: bytes) -> bytes:
    # Keyed BLAKE2b (RFC 7693) is a MAC by itself, and made in a microsecond where OpenSSL's HMAC takes tens.
    return blake2b(payload, key=key, digest_size=_MAC_OCTETS, person=b"habitue.unsub").digest()


def _text(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def _octets(text_of_octets: str) -> bytes:
    return urlsafe_b64decode(text_of_octets.encode("ascii") + b"=" * (-len(text_of_octets) % 4))
