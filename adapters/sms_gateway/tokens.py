"""Who may call: the signed token in the URL of one message's receipts, and fixed tokens for all other calls.

A token contains the message's key and a signature of it (HMAC-SHA256), so nobody can make one for another message. Its
characters mean nothing in URLs, and nothing to gateways that replace ``%d`` and the like in them.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256

from adapters.sms_gateway.options import SmsGatewayOptions

PARAMETER = "token"
"""The parameter of URLs that has the token."""
_PURPOSE = b"habitue: receipts of one text message\0"
_SIGNATURE = 18
"""Octets of the signature that a token has: 144 bits."""


def receipt_url(options: SmsGatewayOptions, key: str) -> str:
    """Return the URL for receipts of the message with the idempotency key ``key``; empty if there is none."""
    if not options.receipt_url or not options.receipt_secrets:
        return ""
    joint = "&" if "?" in options.receipt_url else "?"
    token = signed(key, options.receipt_secrets[0])
    return f"{options.receipt_url}{joint}{PARAMETER}={token}{options.receipt_suffix}"


def signed(key: str, secret: str) -> str:
    """Return the token of ``key``."""
    octets = key.encode("utf-8", "surrogatepass")
    return f"{_text(octets)}.{_text(_signature(octets, secret))}"


def key_in(token: str, secrets: Sequence[str]) -> str | None:
    """Return the key in a token that one of ``secrets`` has signed; None if none has."""
    key, _, signature = token.partition(".")
    try:
        octets, given = _octets(key), _octets(signature)
    except ValueError:
        return None
    if any(hmac.compare_digest(_signature(octets, secret), given) for secret in secrets):
        return octets.decode("utf-8", "surrogatepass")
    return None


def is_fixed(token: str, tokens: Sequence[str]) -> bool:
    """Tell whether ``token`` is one of ``tokens``."""
    return any(hmac.compare_digest(one.encode(), token.encode()) for one in tokens)


def _signature(octets: bytes, secret: str) -> bytes:
    return hmac.new(secret.encode(), _PURPOSE + octets, sha256).digest()[:_SIGNATURE]


def _text(octets: bytes) -> str:
    return urlsafe_b64encode(octets).decode("ascii").rstrip("=")


def _octets(text: str) -> bytes:
    """Read Base64.

    Raises:
        ValueError: it is not Base64, or not written as this program writes it.
    """
    octets = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if _text(octets) != text:
        raise ValueError("not canonical")
    return octets
