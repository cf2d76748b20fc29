"""Finds the line of each key in a TOML file, because ``tomllib`` gives values but no positions.

``tomllib`` has already accepted the text, so this scan can assume that it is well formed. It only follows headers, keys,
and the brackets and quotes of values that span several lines.
"""

import re
from collections import Counter

KeyPath = tuple[str | int, ...]

_HEADER = re.compile(r"^\s*(\[\[|\[)\s*(.+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")
_INLINE_KEY = re.compile(r"""([A-Za-z0-9_-]+|"[^"]*"|'[^']*')\s*=""")


def locate(text: str) -> dict[KeyPath, int]:
    """Return the line (from 1) of every table, key and inline-table key in a well-formed TOML ``text``."""
    lines: dict[KeyPath, int] = {(): 1}
    arrays: Counter[KeyPath] = Counter()
    table: KeyPath = ()
    scan = _ValueScan()
    for number, line in enumerate(text.split("\n"), 1):  # TOML has no other line breaks
        if scan.open:
            _note_inline(lines, scan.key, line, number)
            scan.feed(line)
            continue
        if header := _HEADER.match(line):
            table = _table(header, arrays)
            for length in range(1, len(table) + 1):
                lines.setdefault(table[:length], number)
        elif key := _KEY.match(line):
            path = (*table, *_parts(key[1]))
            lines[path] = number
            rest = line[key.end() :]
            _note_inline(lines, path, rest, number)
            scan.start(path, rest)
    return lines


def line_of(lines: dict[KeyPath, int], path: KeyPath) -> int:
    """Return the line of ``path``, or of the nearest table or key that contains it."""
    for length in range(len(path), -1, -1):
        if (found := lines.get(path[:length])) is not None:
            return found
    return 1


def _parts(dotted: str) -> list[str]:
    return [part.strip("\"'") for part in _PART.findall(dotted)]


def _table(header: re.Match[str], arrays: Counter[KeyPath]) -> KeyPath:
    """Return the path of a header, with the current index of each array of tables in it."""
    path: KeyPath = ()
    for part in _parts(header[2]):
        path = (*path, part)
        if path in arrays and not (header[1] == "[[" and part == _parts(header[2])[-1]):
            path = (*path, arrays[path] - 1)
    if header[1] == "[[":
        arrays[path] += 1
        path = (*path, arrays[path] - 1)
    return path


def _note_inline(lines: dict[KeyPath, int], path: KeyPath, text: str, number: int) -> None:
    if "{" in text or (path and "=" in text):
        for key in _INLINE_KEY.finditer(text):
            lines.setdefault((*path, key[1].strip("\"'")), number)


class _ValueScan:
    """Scans a value until its brackets and quotes are closed."""

    def __init__(self) -> None:
        self.key: KeyPath = ()
        self._depth = 0
        self._quote = ""

    @property
    def open(self) -> bool:
        return bool(self._depth or self._quote)

    def start(self, key: KeyPath, text: str) -> None:
        self.key, self._depth, self._quote = key, 0, ""
        self.feed(text)

    def feed(self, text: str) -> None:
        position = 0
        while position < len(text):
            position = self._in_quote(text, position) if self._quote else self._outside(text, position)

    def _in_quote(self, text: str, position: int) -> int:
        if text.startswith("\\", position) and self._quote[0] == '"':
            return position + 2
        if text.startswith(self._quote, position):
            length, self._quote = len(self._quote), ""
            return position + length
        return position + 1

    def _outside(self, text: str, position: int) -> int:
        char = text[position]
        if char == "#":
            return len(text)
        if char in "\"'":
            self._quote = char * 3 if text.startswith(char * 3, position) else char
            return position + len(self._quote)
        self._depth += (char in "[{") - (char in "]}")
        return position + 1
