"""Header fields of an email (RFC 5322), encoded (RFC 2047) and safe from header injection."""

import re
from binascii import b2a_base64
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from adapters.domains import ascii_domain
from engine.errors import RenderError
from engine.messages.reasons import MessageReason

FIRST_WORD, NEXT_WORDS = 39, 45
"""Octets of text per encoded word, because lines with encoded words have at most 76 characters (RFC 2047, 2)."""

_CONTINUES = 0b1000_0000
"""The upper two bits of continuation octets in UTF-8 (RFC 3629)."""
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_CONTROLS_AND_SPACES = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+")
_PRINTABLE = re.compile(r"[ -~]*").fullmatch
_WORDS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*").fullmatch
_ADDRESS = re.compile(r"[^\s@<>()\[\]\\,;:\"\x00-\x20\x7f-\xa0]+@[^\s@<>()\[\]\\,;:\"\x00-\x20\x7f-\xa0]+").fullmatch
_FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*").fullmatch
_URI = re.compile(r"(?:https?://|mailto:)[!-;=?-~]{1,900}").fullmatch

MAX_ADDRESS = 320
FOLD = 69
"""Maximum number of characters of a plain value that stays on the first line of its field."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address with an optional display name."""

    address: str
    name: str = ""


def one_line(text: str) -> str:
    """Collapse spaces, line ends and control characters into single spaces, for a subject or name."""
    return _CONTROLS_AND_SPACES.sub(" ", text).strip()


def _chunks(text: str) -> Iterator[bytes]:
    """Yield UTF-8 of ``text`` in pieces for encoded words, never splitting a character."""
    octets, at, end = text.encode("utf-8", "replace"), 0, FIRST_WORD
    while end < len(octets):
        while octets[end] & 0b1100_0000 == _CONTINUES:
            end -= 1
        yield octets[at:end]
        at, end = end, end + NEXT_WORDS
    yield octets[at:]


def encoded_words(text: str) -> bytes:
    """Encode ``text`` as RFC 2047 words, one on each line."""
    return b"\r\n ".join(b"=?utf-8?b?" + b2a_base64(chunk, newline=False) + b"?=" for chunk in _chunks(text))


def unstructured(text: str) -> bytes:
    """Encode a subject or another unstructured value, folded; control characters become spaces."""
    text = one_line(text)
    if not _PRINTABLE(text) or "=?" in text:
        return encoded_words(text)
    if len(text) <= FOLD:
        return text.encode("ascii")
    lines = [""]
    for word in text.split(" "):
        if len(lines[-1]) + len(word) > FOLD and lines[-1]:
            lines.append("")
        lines[-1] += f" {word}"
    folded = "\r\n".join(lines).removeprefix(" ")
    return folded.encode("ascii") if max(map(len, lines)) <= 900 else encoded_words(text)


def checked_address(address: str) -> str:
    """Return ``address`` if it is valid in a header and an envelope.

    Raises:
        RenderError: it is invalid (reason ``address_invalid``). The error does not contain the address.
    """
    if len(address) > MAX_ADDRESS or not _ADDRESS(address):
        raise RenderError("no mail can be sent to this address", "address_invalid")
    try:
        address.encode("utf-8")
    except UnicodeEncodeError:
        raise RenderError("the address has invalid characters", "address_invalid") from None
    return address


def wire_address(address: str) -> bytes:
    """Encode a checked address: an international domain in its ASCII form, unless the name needs UTF-8 too.

    Raises:
        RenderError: the address is invalid.
    """
    name, _, domain = checked_address(address).rpartition("@")
    if address.isascii() or not name.isascii():
        return address.encode("utf-8")
    try:
        return f"{name}@{ascii_domain(domain)}".encode("ascii")
    except ValueError:
        raise RenderError("the address has a domain that cannot exist", "address_invalid") from None


def mailbox(address: str, name: str) -> bytes:
    """Encode ``name <address>``; a non-ASCII address stays UTF-8 (RFC 6532), which requires SMTPUTF8 in transit.

    Raises:
        RenderError: the address is invalid.
    """
    octets = wire_address(address)
    shown = one_line(name) if name else ""
    if not shown:
        return octets
    if len(shown) > FOLD or not _PRINTABLE(shown) or "=?" in shown:
        return encoded_words(shown) + b"\r\n <" + octets + b">"
    if not _WORDS(shown):
        escaped = shown.replace("\\", "\\\\").replace('"', '\\"')
        shown = f'"{escaped}"'
    return shown.encode("ascii") + b" <" + octets + b">"


def link(uri: str) -> bytes:
    """Encode a URI between angle brackets, as list headers require (RFC 2369).

    Raises:
        RenderError: it is not an http(s) or mailto URI of printable ASCII.
    """
    if not _URI(uri):
        raise RenderError("the unsubscribe link is not an http(s) or mailto URL", MessageReason.HEADER_INVALID)
    return b"<" + uri.encode("ascii") + b">"


def field(name: str, value: str) -> bytes:
    """Encode one additional header field, with its line end.

    Raises:
        RenderError: the name is invalid, or the value has control characters (reason ``header_invalid``).
    """
    start = _field_start(name)
    if _CONTROLS.search(value):
        raise RenderError(f"the header {name} has control characters", MessageReason.HEADER_INVALID)
    encoded = unstructured(value)
    first = b"" if len(name) <= 7 or len(encoded) <= FOLD - len(name) else b"\r\n"
    return start + first + b" " + encoded + b"\r\n"


@lru_cache(maxsize=128)
def _field_start(name: str) -> bytes:
    if not _FIELD_NAME(name) or len(name) > 60:
        raise RenderError("a header's name can only have letters, digits and hyphens", MessageReason.HEADER_INVALID)
    return name.encode("ascii") + b":"
