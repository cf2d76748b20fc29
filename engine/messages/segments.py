"""How a text message is encoded, and into how many segments the network splits it: each is paid for.

The alphabet is that of 3GPP TS 23.038: 128 characters of seven bits, ten more that take two places because an escape goes
before them. One character outside it turns the whole message into UCS-2, which has room for less than half. A segment of
several has a header and so less room, and does not end between an escape or a surrogate and its other half.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("\f^{}\\[~]|€")
"""These take two places."""

PLAIN = {
    "\u2018": "'", "\u2019": "'", "\u201a": "'", "\u201b": "'", "\u2032": "'", "\u00b4": "'", "`": "'",
    "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u201f": '"', "\u2033": '"', "\u00ab": '"', "\u00bb": '"',
    "\u2039": "'", "\u203a": "'",
    "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2014": "-", "\u2015": "-", "\u2212": "-",
    "\u2026": "...", "\u2022": "*", "\u00b7": "*", "\u00d7": "x", "\u2044": "/",
    "\u200b": "", "\u200c": "", "\u200d": "", "\u2060": "", "\ufeff": "", "\u00ad": "",
}  # fmt: skip
"""Typographic characters that the alphabet does not have, and what says the same in it."""

SPACES = str.maketrans(dict.fromkeys("\t\u00a0\u2002\u2003\u2007\u2008\u2009\u200a\u202f", " "))
"""Spaces that look like one, in most fonts: number formats have them, and no text message breaks lines by them."""


@dataclass(frozen=True, slots=True)
class SegmentLimits:
    """How many segments text messages may have: those of playbooks that say so, and of all others."""

    default: int = 10
    playbooks: Mapping[str, int] = field(default_factory=dict)

    def of(self, playbook: str) -> int:
        """Return how many segments the messages of ``playbook`` may have."""
        return self.playbooks.get(playbook, self.default)


class Encoding(StrEnum):
    """How the network carries a message."""

    GSM_7 = "GSM-7"
    UCS_2 = "UCS-2"


_ROOM = {Encoding.GSM_7: (160, 153), Encoding.UCS_2: (70, 67)}
"""Places in a message of one segment, and in each of several."""


@dataclass(frozen=True, slots=True)
class Segments:
    """How a text is sent.

    ``length`` is in places: septets of GSM-7, or 16-bit units of UCS-2. ``foreign`` are the characters that the alphabet
    of GSM-7 does not have, each once, in the order of the text.
    """

    encoding: Encoding
    length: int
    number: int
    foreign: tuple[str, ...] = ()


def count_segments(text: str) -> Segments:
    """Return the encoding, the length and the number of segments of ``text``; an empty text is one segment."""
    letters = set(text)
    others = letters - BASIC - EXTENDED
    foreign = tuple(dict.fromkeys(one for one in text if one in others)) if others else ()
    encoding = Encoding.UCS_2 if foreign else Encoding.GSM_7
    length = len(text) + sum(map(text.count, filter(_is_wide(encoding), letters)))
    single, _ = _ROOM[encoding]
    number = 1 if length <= single else len(split(text, encoding))
    return Segments(encoding, length, number, foreign)


def split(text: str, encoding: Encoding) -> list[str]:
    """Return the parts of a text of several segments, as the network joins them again."""
    room, wide = _ROOM[encoding][1], _is_wide(encoding)
    parts: list[str] = []
    start = used = 0
    for at, one in enumerate(text):
        places = 2 if wide(one) else 1
        if used + places > room:
            parts.append(text[start:at])
            start, used = at, 0
        used += places
    return [*parts, text[start:]]


def _is_wide(encoding: Encoding) -> Callable[[str], bool]:
    """Return the test of characters that take two places."""
    return EXTENDED.__contains__ if encoding is Encoding.GSM_7 else _is_astral


def _is_astral(one: str) -> bool:
    return one > "\uffff"


def typographic(text: str) -> tuple[str, ...]:
    """Return the characters because of which alone ``text`` needs UCS-2; none if it needs none, or others need it, too."""
    foreign = count_segments(text.translate(SPACES)).foreign
    return foreign if all(one in PLAIN for one in foreign) else ()
