"""One-click unsubscribe links (RFC 8058): a signed token that identifies the user, the channel and the message class.

The token contains no address. It does not expire, because links in old messages have to work. Several secrets can be
given, separated by spaces: the first signs, all of them verify, so a secret can be replaced without breaking old links.
"""

import hmac
from base64 import urlsafe_b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b, sha256

from engine.signed_tokens import SignedTokens

_SALT = b"habitue.unsubscribe"
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
        """Sign with the first of the space-separated secrets; links begin with ``url``."""
        secrets = secret.split()
        if not secrets:
            raise ValueError("an unsubscribe token needs a secret")
        self._tokens = SignedTokens(secrets, _SALT, _MAX_TOKEN)
        self._secrets = secrets
        self._url = url

    def make_token(self, subscription: Subscription) -> str:
        """Return the token, of letters, digits, ``-``, ``_`` and one ``.``."""
        return self._tokens.make(
            subscription.user_id, subscription.channel, subscription.message_class, subscription.action_id
        )

    def verify(self, token: str) -> Subscription | None:
        """Return what ``token`` unsubscribes; None if it was not signed with one of the secrets."""
        said = self._tokens.read(token)
        if said is not None:
            return _subscription(said)
        return _verify_0_1(token, self._secrets) if self._tokens.plausible(token) else None

    def link(self, subscription: Subscription) -> str:
        """Return the complete URL: the brand's ``unsubscribe_url`` with the token as its parameter ``t``."""
        joint = "&" if "?" in self._url else "?"
        return f"{self._url}{joint}t={self.make_token(subscription)}"


def _verify_0_1(token: str, secrets: Sequence[str]) -> Subscription | None:
    """Return what a token from an email sent by Habitué 0.1 unsubscribes; None if it is not valid.

    ``BASE64(user|channel|class|action).BASE64(MAC)``: Base64 for URLs without padding; the MAC is BLAKE2b with the
    SHA-256 of the secret as its key, 16 octets, personalised ``habitue.unsub``.
    """
    body, dot, mac = token.partition(".")
    if not dot:
        return None
    try:
        payload, given = _octets(body), _octets(mac)
    except ValueError:
        return None
    for secret in secrets:
        key = sha256(secret.encode()).digest()
        if hmac.compare_digest(given, blake2b(payload, key=key, digest_size=16, person=b"habitue.unsub").digest()):
            return _subscription(payload)
    return None


def _subscription(payload: bytes) -> Subscription:
    user_id, channel, message_class, action_id = payload.decode().split("|")
    return Subscription(int(user_id), channel, message_class, int(action_id))


def _octets(text_of_octets: str) -> bytes:
    return urlsafe_b64decode(text_of_octets.encode("ascii") + b"=" * (-len(text_of_octets) % 4))
