"""Preparing messages once per skeleton: inlining CSS, deriving the text part, splitting at the slots, transfer encoding.

``sandbox.py`` explains skeletons. A template has few of them, one for each combination of branches taken, so this work
is done only a few times for millions of messages.
"""

import html as entities
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TypeAlias

from css_inline import CSSInliner, InlineError

from engine.errors import RenderError
from engine.messages.email.plaintext import check_depth, text_of
from engine.messages.email.quoted import encode_static, encode_value
from engine.messages.reasons import MessageReason
from engine.messages.sandbox import FIRST_SLOT
from engine.messages.slots import SLOT, Place, for_html, for_text, places_of, unchanged

KEPT = 32
"""How many skeletons are cached per template."""

Skeleton: TypeAlias = tuple[tuple[str, ...], ...]
"""The parts of a message as pieces yielded by the template; they are the same objects each time, so they compare fast."""

_REFERENCE = re.compile(r"&#(?:[xX][0-9a-fA-F]+|[0-9]+);?")


@dataclass(frozen=True, slots=True)
class Hole:
    """A place for a value in a part: which value, and how it is escaped."""

    slot: int
    form: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Part:
    """One text of a message, split around its holes.

    ``texts`` has one more item than ``holes``. ``encoded`` alternates the quoted-printable form of a text with an empty
    place for a value; it is empty for parts that are never transferred by themselves, such as a subject.
    """

    texts: tuple[str, ...]
    holes: tuple[Hole, ...]
    encoded: tuple[bytes, ...] = ()

    def fill(self, values: Sequence[str]) -> str:
        """Return the text with ``values`` inserted."""
        if not self.holes:
            return self.texts[0]
        pieces = [self.texts[0]]
        for hole, text in zip(self.holes, self.texts[1:], strict=True):
            pieces += (hole.form(values[hole.slot]), text)
        return "".join(pieces)

    def encode(self, values: Sequence[str], known: dict[str, bytes]) -> list[bytes]:
        """Return the quoted-printable octets with ``values`` inserted, in pieces.

        ``known`` caches encoded values, because most occur several times in a message. Use it for one message only,
        because it contains a person's data.
        """
        pieces = list(self.encoded)
        put = []
        for hole in self.holes:
            value = values[hole.slot]
            escaped = value if hole.form is unchanged else hole.form(value)
            octets = known.get(escaped)
            if octets is None:
                octets = known[escaped] = encode_value(escaped)
            put.append(octets)
        pieces[1::2] = put
        return pieces


@dataclass(frozen=True, slots=True)
class Prepared:
    """A message prepared for values; ``plain`` has subject, title or body by name."""

    plain: Mapping[str, Part]
    html: Part | None = None
    text: Part | None = None


def _split(skeleton: str, holes: Iterator[Hole], *, travels: bool) -> Part:
    texts = tuple(SLOT.split(skeleton))
    found = tuple(holes)
    if not travels:
        return Part(texts, found)
    pieces: list[bytes] = []
    for text in texts[:-1]:
        pieces += (encode_static(text, value_follows=True), b"")
    return Part(texts, found, (*pieces, encode_static(texts[-1], value_follows=False)))


def _slots(skeleton: str) -> Iterator[int]:
    for letter in SLOT.findall(skeleton):
        yield ord(letter) - FIRST_SLOT


def plain_part(skeleton: str) -> Part:
    """Prepare a subject, a title or a text message, into which values are inserted unchanged."""
    return _split(skeleton, (Hole(slot, unchanged) for slot in _slots(skeleton)), travels=False)


def formed_part(skeleton: str, form_after: Callable[[str], Callable[[str], str]]) -> Part:
    """Prepare a part whose values are escaped by what ``form_after`` returns for the text before them."""
    found = SLOT.finditer(skeleton)
    holes = (Hole(ord(slot[0]) - FIRST_SLOT, form_after(skeleton[: slot.start()])) for slot in found)
    return _split(skeleton, holes, travels=False)


def _text_part(skeleton: str, places: Mapping[int, Place]) -> Part:
    def holes() -> Iterator[Hole]:
        for slot in _slots(skeleton):
            yield Hole(slot, for_text(places.get(slot, Place.CONTENT)))

    return _split(skeleton, holes(), travels=True)


def _inline(html: str) -> str:
    for reference in _REFERENCE.findall(html):
        if SLOT.search(entities.unescape(reference)):
            raise RenderError(
                f"the template contains the reserved character {reference}", MessageReason.TEMPLATE_UNSAFE
            )
    check_depth(html)
    inliner = CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)
    try:
        return inliner.inline(html)
    except InlineError as error:
        raise RenderError(f"the styles cannot be inlined: {error}", MessageReason.TEMPLATE_UNSAFE) from None


def prepare_email(subject: str, text: str, html: str) -> Prepared:
    """Prepare an email from the skeletons of its parts; an empty ``text`` is derived from ``html``.

    Raises:
        RenderError: the document has values where they cannot be escaped safely.
    """
    page = _inline(html).rstrip() + "\n"
    found = list(places_of(page))
    slots = list(_slots(page))
    html_holes = (Hole(slot, for_html(place)) for slot, place in zip(slots, found, strict=True))
    derived = not text.strip()
    places = dict(zip(slots, found, strict=True)) if derived else {}
    words = text_of(page) if derived else text.strip() + "\n"
    return Prepared(
        plain={"subject": plain_part(subject)},
        html=_split(page, html_holes, travels=True),
        text=_text_part(words, places),
    )


class Skeletons:
    """The prepared forms of one template, the most recently used ``KEPT`` of them. Safe to share between threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Skeleton, Prepared] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Skeleton, prepare: Callable[[], Prepared]) -> Prepared:
        """Return the prepared form of the skeletons in ``key``; a new one is made by ``prepare``."""
        with self._lock:
            known = self._kept.get(key)
            if known is not None:
                self._kept.move_to_end(key)
                return known
        made = prepare()
        with self._lock:
            self._kept[key] = made
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return made
