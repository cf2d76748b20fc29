"""Base64url without padding, which browsers and JSON Web Tokens use (RFC 4648, section 5)."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

_TEXT = re.compile(r"[A-Za-z0-9_-]*={0,2}").fullmatch


def encoded(octets: bytes) -> str:
    """Return ``octets`` in Base64url."""
    return urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def decoded(text: str) -> bytes:
    """Return the octets that ``text`` stands for.

    Raises:
        ValueError: it is not Base64url.
    """
    if not _TEXT(text):
        raise ValueError("this is not Base64url")
    plain = text.rstrip("=")
    return urlsafe_b64decode(plain + "=" * (-len(plain) % 4))
