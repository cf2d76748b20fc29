"""The text part that is derived from the HTML part: what it says, with links written out."""

import re

from html2text import HTML2Text

_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_MARKDOWN_ESCAPE = re.compile(r"^(\s*(?:- )?\d*)\\([.+-])", re.MULTILINE)
_LINE_TAIL = re.compile(r"[ \t\u00a0]+$", re.MULTILINE)
_EMPTY_LINES = re.compile(r"\n{3,}")


class _Text(HTML2Text):
    """html2text without Markdown: links as ``words <address>``, plain headings, hidden elements left out."""

    def __init__(self) -> None:
        super().__init__(bodywidth=0)
        self.unicode_snob = True
        self.ignore_images = True
        self.ignore_emphasis = True
        self.ignore_tables = True
        self.single_line_break = False
        self.ul_item_mark = "-"
        self.tag_callback = self._on_tag  # type: ignore[assignment]  # declared as None
        self._open: list[tuple[str, bool]] = []
        self._links: list[str] = []

    def _on_tag(self, _parser: HTML2Text, tag: str, attrs: dict[str, str | None], start: bool) -> bool:
        if tag not in _VOID:
            self._nest(tag, attrs, start)
        if tag == "a":
            self._on_link(attrs, start)
            return True
        if re.fullmatch(r"h[1-6]", tag):
            self.p()
            return True
        return False

    def _nest(self, tag: str, attrs: dict[str, str | None], start: bool) -> None:
        if start:
            hidden = bool(_HIDDEN.search(attrs.get("style") or ""))
            self._open.append((tag, hidden))
            self.quiet += hidden
        elif self._open and self._open[-1][0] == tag:
            self.quiet -= self._open.pop()[1]

    def _on_link(self, attrs: dict[str, str | None], start: bool) -> None:
        if start:
            self._links.append((attrs.get("href") or "").strip())
            return
        address = self._links.pop() if self._links else ""
        if address and not address.startswith("#"):
            self.o(f" <{address.removeprefix('mailto:')}>")


def text_of(html: str) -> str:
    """Return the text that ``html`` shows, ending with one line end; slots stay where they are."""
    text = _Text().handle(html)
    text = _LINE_TAIL.sub("", _MARKDOWN_ESCAPE.sub(r"\1\2", text))
    return _EMPTY_LINES.sub("\n\n", text).strip() + "\n"
