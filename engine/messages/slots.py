"""The places of values in HTML, and how values are escaped there."""

import re
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from html import escape
from html.parser import HTMLParser
from urllib.parse import quote

from engine.errors import RenderError
from engine.messages.reasons import MessageReason

SLOT = re.compile("[\ue000-\uf8ff]")

_URL_ATTRIBUTES = frozenset(
    ["href", "src", "action", "formaction", "background", "poster", "cite", "longdesc", "srcset", "data"]
)
_SCHEME = re.compile(r"(?:https?|mailto|tel|sms):|#", re.IGNORECASE).match
_NOT_CSS = re.compile(r"[^\w#%., ()-]", re.ASCII)
_HAS_MARKUP = re.compile("[&<>\"']").search

_SAFE_IN_LINKS = "%/:?#[]@!$&'()*+,;=~"
_IS_LINK = re.compile(r"[\w.%/:?#\[\]@!$&'()*+,;=~-]*", re.ASCII).fullmatch
"""Characters that percent-encoding of a whole link leaves unchanged."""

_PLAIN_IN_LINK = re.compile(r"[\w.~-]*", re.ASCII).fullmatch
"""Characters that percent-encoding leaves unchanged."""


class Place(Enum):
    """The kinds of places in an HTML document where a value can be."""

    CONTENT = "content"
    """Text, or an attribute whose value is text."""
    URL = "url"
    """The beginning of a link: the value includes the scheme."""
    PATH = "path"
    """A later part of a link, before any ``?`` or ``#``."""
    QUERY = "query"
    """A later part of a link."""
    STYLE = "style"
    """CSS."""


def _link(value: str) -> str:
    stripped = value.strip()
    if not _SCHEME(stripped):
        raise RenderError("a link's address does not begin with https://, mailto: or tel:", MessageReason.URL_INVALID)
    return stripped if _IS_LINK(stripped) else quote(stripped, safe=_SAFE_IN_LINKS, errors="replace")


def _path(value: str) -> str:
    return value if _PLAIN_IN_LINK(value) else quote(value, safe="/:@!$()*,;~", errors="replace")


def _query(value: str) -> str:
    return value if _PLAIN_IN_LINK(value) else quote(value, safe="", errors="replace")


def _content(value: str) -> str:
    return escape(value) if _HAS_MARKUP(value) else value


def _style(value: str) -> str:
    return _NOT_CSS.sub("", value)


def unchanged(value: str) -> str:
    """Return ``value``: the form of values that need no escaping."""
    return value


_URL_FORMS: Mapping[Place, Callable[[str], str]] = {Place.URL: _link, Place.PATH: _path, Place.QUERY: _query}


def for_html(place: Place) -> Callable[[str], str]:
    """Return the function that makes a value safe at ``place`` in HTML."""
    if place is Place.CONTENT:
        return _content
    if place is Place.STYLE:
        return _style
    form = _URL_FORMS[place]
    return lambda value: _content(form(value))


def for_text(place: Place) -> Callable[[str], str]:
    """Return the function that prepares a value, which is at ``place`` in the HTML, for the text part."""
    return _URL_FORMS.get(place, unchanged)


def places_of(html: str) -> Iterator[Place]:
    """Yield the place of each slot of a well-formed HTML document, in document order.

    Raises:
        RenderError: a slot is where no value is safe (the name of a tag or attribute), or the document has a script.
    """
    finder = _Finder()
    finder.feed(html)
    finder.close()
    if len(finder.places) != len(SLOT.findall(html)):
        raise RenderError(
            "the HTML has a value where none is allowed (a tag's name, a declaration)", MessageReason.TEMPLATE_UNSAFE
        )
    yield from finder.places


class _Finder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.places: list[Place] = []
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script" or SLOT.search(tag):
            raise RenderError("the HTML has a script, or a tag whose name is a value", MessageReason.TEMPLATE_UNSAFE)
        self._in_style = tag == "style"
        for name, value in attrs:
            self._attribute(name, value or "")

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False

    def handle_data(self, data: str) -> None:
        place = Place.STYLE if self._in_style else Place.CONTENT
        self.places.extend(place for _ in SLOT.findall(data))

    def handle_comment(self, data: str) -> None:
        self.places.extend(Place.CONTENT for _ in SLOT.findall(data))

    def _attribute(self, name: str, value: str) -> None:
        slots = list(SLOT.finditer(value))
        if SLOT.search(name) or (slots and (name.startswith("on") or name == "srcdoc")):
            raise RenderError(f"no value is safe in the attribute `{name}`", MessageReason.TEMPLATE_UNSAFE)
        for slot in slots:
            self.places.append(_place_in(name, value[: slot.start()]))


def _place_in(attribute: str, before: str) -> Place:
    if attribute == "style":
        return Place.STYLE
    if attribute.rsplit(":", maxsplit=1)[-1] not in _URL_ATTRIBUTES:
        return Place.CONTENT
    if not before.strip():
        return Place.URL
    return Place.QUERY if "?" in before or "#" in before else Place.PATH
