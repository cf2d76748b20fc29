"""Quoted-printable (RFC 2045, 6.7) in pieces: static text once, values per message, each on lines of its own.

A value begins and ends with a soft line break (``=`` CRLF, which readers drop), so that no line's length depends on the
text before it, and static pieces need to be encoded only once.
"""

import re
from binascii import b2a_qp

MAX_LINE = 75
"""Octets in a line before the ``=`` of its soft break; with it there are 76."""

SHORT = 6
"""How many characters fit on one line in any encoding: four octets each, three characters per octet."""

SOFT_BREAK = b"=\r\n"

_PLAIN = re.compile(r"[ -<>-~]{0,75}").fullmatch
"""Printable ASCII without ``=`` that fits on one line needs no encoding."""

_LAST_TOKENS = re.compile(rb"(?:=[0-9A-F]{2}|[^=])\Z")


def encode_text(text: str) -> bytes:
    """Encode ``text`` as UTF-8 quoted-printable; every line end becomes CRLF, no line exceeds 76 octets.

    The last line leaves room for a soft break.
    """
    return text.encode("ascii") if _PLAIN(text) else _encode(text)


def _encode(text: str) -> bytes:
    if len(text) <= SHORT and "\n" not in text and "\r" not in text:
        return b2a_qp(text.encode("utf-8", "replace"))
    lines = text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
    encoded = b2a_qp(lines.encode("utf-8", "replace"), istext=True)
    return (
        encoded if len(encoded) <= MAX_LINE and b"\n" not in encoded else _leave_room(encoded.replace(b"\n", b"\r\n"))
    )


def encode_value(text: str) -> bytes:
    """Encode one value like ``encode_text``, with a soft break at its end so that more can follow."""
    if _PLAIN(text):
        return text.encode("ascii") + SOFT_BREAK if text else b""
    return _encode(text) + SOFT_BREAK


def encode_static(text: str, *, value_follows: bool) -> bytes:
    """Encode a piece between values; if a value follows, the piece ends at the start of a line."""
    encoded = encode_text(text)
    if not value_follows or not encoded or encoded.endswith(b"\r\n"):
        return encoded
    return encoded + SOFT_BREAK


def _leave_room(encoded: bytes) -> bytes:
    """Break the last line before its last character if there is no room for one more octet."""
    if len(encoded) - (encoded.rfind(b"\n") + 1) <= MAX_LINE:
        return encoded
    last = _LAST_TOKENS.search(encoded)
    at = last.start() if last else len(encoded)
    return encoded[:at] + SOFT_BREAK + encoded[at:]
