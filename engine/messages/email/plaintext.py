"""Deriving an email's text part from its HTML part, with links spelt out."""

import re
from html.parser import HTMLParser

from engine.errors import RenderError
from engine.messages.reasons import MessageReason

DEEPEST = 200
"""The deepest nesting of elements. Mail clients fail at hundreds of levels, the CSS inliner at thousands."""

_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
_UNSAID = frozenset(["head", "style", "script", "title", "template"])
_PARAGRAPHS = frozenset(
    ["p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "table", "blockquote", "pre", "hr", "figure"]
)
_LINES = frozenset(
    ["div", "tr", "li", "dt", "dd", "section", "article", "header", "footer", "main", "nav", "address", "figcaption"]
)
_CELLS = frozenset(["td", "th"])
_CLOSES = {
    **dict.fromkeys(("p", "li", "option", "tr"), frozenset(["p", "li", "option", "tr", "td", "th"])),
    **dict.fromkeys(("td", "th"), frozenset(["td", "th", "p"])),
    **dict.fromkeys(("dt", "dd"), frozenset(["dt", "dd", "p"])),
    **dict.fromkeys(("thead", "tbody", "tfoot"), frozenset(["tbody", "thead", "tr", "td", "th"])),
}
"""Elements whose start tag closes the innermost open element if its end tag was left out."""

_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_SPACES = re.compile(r"[ \t\r\n\f]+")
_LINE_TAIL = re.compile(r"[ \t\u00a0]+$", re.MULTILINE)
_LINE, _PARAGRAPH = 1, 2


class _Elements(HTMLParser):
    """Keeps track of the open elements."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        ended = _CLOSES.get(tag, frozenset())
        while self.open and self.open[-1] in ended and (tag != "li" or self.open[-1] in ("li", "p")):
            self.leave(self.open.pop())
        if tag not in _VOID:
            self.open.append(tag)
        self.enter(tag, dict(attrs))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)  # in HTML `<p/>` means `<p>`

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            while (ended := self.open.pop()) != tag:
                self.leave(ended)
            self.leave(tag)

    def enter(self, tag: str, attrs: dict[str, str | None]) -> None:
        """Begin an element; a void one has no end."""

    def leave(self, tag: str) -> None:
        """End an element."""


class _Depth(_Elements):
    def enter(self, tag: str, attrs: dict[str, str | None]) -> None:
        if len(self.open) > DEEPEST:
            line, _ = self.getpos()
            raise RenderError(
                f"the HTML has more than {DEEPEST} levels of nested elements (line {line} of the page)",
                MessageReason.TEMPLATE_UNSAFE,
            )


def check_depth(html: str) -> None:
    """Check that the elements of ``html`` are not nested too deeply.

    Raises:
        RenderError: they are nested too deeply.
    """
    depth = _Depth()
    depth.feed(html)
    depth.close()


class _Text(_Elements):
    """Collects text: paragraphs separated by an empty line, list items with a dash or number, links with their URL."""

    def __init__(self) -> None:
        super().__init__()
        self._said: list[str] = []
        self._break = 0
        self._space = False
        self._unsaid = 0
        self._hiding: list[bool] = []
        self._links: list[str] = []
        self._lists: list[int | None] = []
        """For each open list the number of its last item; None if its items have a dash."""

    @property
    def text(self) -> str:
        """The text collected so far."""
        return "".join(self._said)

    def enter(self, tag: str, attrs: dict[str, str | None]) -> None:
        if tag not in _VOID:
            self._hiding.append(tag in _UNSAID or bool(_HIDDEN.search(attrs.get("style") or "")))
            self._unsaid += self._hiding[-1]
        self._part(tag)
        if tag == "a":
            self._links.append((attrs.get("href") or "").strip())
        elif tag in ("ul", "ol"):
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self._item()
        elif tag == "hr":
            self._say("* * *")
            self._break = _PARAGRAPH
        elif tag == "br":
            self._break = min(self._break + _LINE, _PARAGRAPH)

    def leave(self, tag: str) -> None:
        if tag == "a" and self._links:
            address = self._links.pop()
            if address and not address.startswith("#"):
                self._space = True
                self._say(f"<{address.removeprefix('mailto:')}>")
        elif tag in ("ul", "ol") and self._lists:
            self._lists.pop()
        self._part(tag)
        self._unsaid -= self._hiding.pop()

    def handle_data(self, data: str) -> None:
        if "pre" in self.open:
            self._say(data)
            return
        words = _SPACES.split(data)
        self._space = self._space or not words[0]
        for number, word in enumerate(words):
            self._space = self._space or number > 0
            if word:
                self._say(word)

    def _part(self, tag: str) -> None:
        """Start a new paragraph, or only a new line within a list."""
        if tag in _PARAGRAPHS and not self._lists:
            self._break = max(self._break, _PARAGRAPH)
        elif tag in _PARAGRAPHS or tag in _LINES:
            self._break = max(self._break, _LINE)
        elif tag in _CELLS:
            self._space = True

    def _item(self) -> None:
        mark = "-"
        if self._lists and (number := self._lists[-1]) is not None:
            self._lists[-1] = number + 1
            mark = f"{number + 1}."
        self._say(f"{'  ' * max(len(self._lists), 1)}{mark}")
        self._space = True

    def _say(self, words: str) -> None:
        if self._unsaid:
            return
        if self._break:
            self._said.append("\n" * self._break)
        elif self._space and self._said:
            self._said.append(" ")
        self._said.append(words)
        self._break, self._space = 0, False


def text_of(html: str) -> str:
    """Return the visible text of ``html``, ending with one newline; slots are kept."""
    page = _Text()
    page.feed(html)
    page.close()
    return _LINE_TAIL.sub("", page.text).strip() + "\n"
