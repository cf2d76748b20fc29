"""Reading files as batches of columns. CSV is parsed by the standard library's C code, JSON lines by orjson."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import IO

import orjson

from engine.errors import InputError
from engine.intake.files.source import OpenSource
from engine.intake.rows.model import Json

_DELIMITERS = (",", ";", "\t", "|")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NESTED = ("properties", "traits")
MAX_NESTING = 100
"""Maximum nesting of objects and lists in one JSON record; the limits of databases and parsers are not much higher."""
ESCAPED = ("=", "+", "-", "@", "\t", "\r")
"""First characters of cells that a spreadsheet would run as formulas."""
REJECTED_COLUMNS = ("rejected_line", "rejected_reason", "rejected_remedy")
"""The first columns of a file of rejected rows; once corrected, it can be imported as it is."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A rejected row: its line, the reason, the remedy, and the row itself."""

    line: int
    reason: str
    remedy: str
    original: Sequence[str]


@dataclass(frozen=True, slots=True)
class Batch:
    """Some records, as columns of equal length. A missing value is the empty text, JSON's null is None."""

    columns: Mapping[str, Sequence[Json]]
    lines: Sequence[int]
    """The line on which each record ends, from 1."""
    originals: Sequence[Sequence[str]]
    broken: Sequence[Rejected] = field(default=())
    """Rejected records, which are not in the columns."""

    @property
    def count(self) -> int:
        """The number of records, including rejected ones."""
        return len(self.lines) + len(self.broken)


class CsvRecords:
    """A CSV file: its header, then batches."""

    def __init__(self, source: OpenSource, delimiter: str | None) -> None:
        """Read the header.

        Raises:
            InputError: the header is not UTF-8, has a duplicate column, or an empty name.
        """
        text = io.TextIOWrapper(source.stream, "utf-8-sig", errors="surrogateescape", newline="")
        head = text.readline()
        self._skipped = 1
        while not head.strip():
            head = text.readline()
            self._skipped += 1
        self.header = _header(source.name, head, delimiter or _sniff(head))
        self._text = text
        self._reader = csv.reader(text, delimiter=delimiter or _sniff(head), strict=True)
        self._corrected = self.header[:3] == list(REJECTED_COLUMNS)

    def close(self) -> None:
        """Detach from the stream, which its owner closes."""
        self._text.detach()

    def batches(self, size: Callable[[], int]) -> Iterator[Batch]:
        """Yield all records, up to ``size()`` at a time, which is asked before each batch."""
        while True:
            before = self._reader.line_num
            rows: list[list[str]] = []
            fault = ""
            try:
                rows.extend(islice(self._reader, size()))
            except csv.Error as error:
                fault = str(error)
            lines = _line_numbers(rows, self._skipped + before, self._reader.line_num - before)
            if not rows and not fault:
                return
            yield self._batch(rows, lines, fault)

    def _batch(self, rows: list[list[str]], lines: Sequence[int], fault: str) -> Batch:
        broken = []
        if fault:
            line = self._skipped + self._reader.line_num
            first = (lines[-1] + 1) if lines else line
            broken.append(
                Rejected(first, f"not CSV up to line {line}: {fault}", "close the quote, double those inside", ())
            )
        wrong = self._wrong(rows)
        if wrong:
            broken += [Rejected(lines[i], *why, rows[i]) for i, why in wrong.items() if rows[i]]
            lines = [line for i, line in enumerate(lines) if i not in wrong]
            rows = [row for i, row in enumerate(rows) if i not in wrong]
        columns = list(zip(*rows, strict=True)) or [()] * len(self.header)
        if self._corrected:
            columns = [tuple(map(_unescape, column)) for column in columns]
        return Batch(dict(zip(self.header, columns, strict=True)), lines, rows, broken)

    def _wrong(self, rows: list[list[str]]) -> dict[int, tuple[str, str]]:
        """Return the malformed rows by index, including empty lines, which are dropped silently."""
        width = len(self.header)
        wrong = {}
        if set(map(len, rows)) - {width}:
            many = f"write {width}, or quote cells that contain the delimiter"
            wrong = {
                i: (f"{len(row)} cells for {width} columns", many) for i, row in enumerate(rows) if len(row) != width
            }
        text = "".join(map("".join, rows))
        if "\x00" in text or (not text.isascii() and _SURROGATE.search(text)):
            wrong |= {i: ("not UTF-8 text", "save the file as UTF-8") for i, row in enumerate(rows) if _undecoded(row)}
        return wrong


def _sniff(head: str) -> str:
    outside = re.sub(r'"[^"]*"', "", head)
    return max(_DELIMITERS, key=outside.count)


def _header(name: str, head: str, delimiter: str) -> list[str]:
    if _SURROGATE.search(head) or "\x00" in head:
        raise InputError(f"{name}: the header is not UTF-8: save the file as UTF-8")
    try:
        header = [cell.strip() for cell in next(csv.reader([head], delimiter=delimiter, strict=True))]
    except csv.Error as error:
        raise InputError(f"{name}: the header is not CSV ({error}): check its quotes") from error
    seen: set[str] = set()
    for position, cell in enumerate(header, 1):
        if not cell:
            raise InputError(f"{name}: column {position} has no name: name every column in the first line")
        if cell in seen:
            raise InputError(f"{name}: two columns are called `{cell}`: rename one of them")
        seen.add(cell)
    return header


def _line_numbers(rows: list[list[str]], before: int, taken: int) -> Sequence[int]:
    if taken == len(rows):
        return range(before + 1, before + taken + 1)
    lines, line = [], before
    for row in rows:
        line += 1 + sum(len(re.findall(r"\r\n|\r|\n", cell)) for cell in row)
        lines.append(line)
    return lines


def _undecoded(row: list[str]) -> bool:
    text = "".join(row)
    return "\x00" in text or _SURROGATE.search(text) is not None


def _unescape(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and cell[1:2] in ESCAPED else cell


class JsonRecords:
    """JSON objects, one per line. Values nested under ``properties`` or ``traits`` become columns with a dot."""

    header: Sequence[str] = ()

    def __init__(self, source: OpenSource) -> None:
        self._stream: IO[bytes] = source.stream
        self._line = 0

    def close(self) -> None:
        """Do nothing: there is nothing to release."""

    def batches(self, size: Callable[[], int]) -> Iterator[Batch]:
        """Yield all records, up to ``size()`` at a time, which is asked before each batch."""
        while lines := list(islice(self._stream, size())):
            if self._line == 0:
                lines[0] = lines[0].removeprefix(b"\xef\xbb\xbf")
            records: list[dict[str, Json]] = []
            numbers, originals, broken = [], [], []
            for number, line in enumerate(lines, self._line + 1):
                record = _object(line)
                if isinstance(record, dict):
                    records.append(_flat(record))
                    numbers.append(number)
                    originals.append((line.decode().strip(),))
                elif line.strip():
                    broken.append(Rejected(number, *record, (_shown(line),)))
            self._line += len(lines)
            yield Batch(_columns(records), numbers, originals, broken)


def _object(line: bytes) -> dict[str, Json] | tuple[str, str]:
    """Return the object on a line; or the reason why it cannot be stored, and the remedy."""
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return f"not JSON: {error.msg}", "write one JSON object per line"
    if not isinstance(record, dict):
        return "not a JSON object", "write one JSON object per line"
    # For nearly all lines, counting bytes shows that they are fine without looking at every value.
    if line.count(b"{") + line.count(b"[") > MAX_NESTING and _nesting(record) > MAX_NESTING:
        return f"nested more than {MAX_NESTING} levels deep", "move the values you need to the top level"
    if b"\\u0000" in line and _has_nul(record):
        return "a NUL character (\\u0000), which databases cannot store in text", "remove it"
    return record


def _nesting(record: Json) -> int:
    """Return the nesting depth of objects and lists, without recursion."""
    levels = 0
    level: list[Json] = [record]
    while level := [value for value in level if isinstance(value, dict | list)]:
        levels += 1
        level = [inner for value in level for inner in _inside(value)]
    return levels


def _has_nul(value: Json) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    return any(map(_has_nul, _inside(value))) or (isinstance(value, dict) and any(map(_has_nul, value)))


def _inside(value: Json) -> Iterable[Json]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _shown(line: bytes) -> str:
    return line.decode(errors="replace").strip()


def _flat(record: dict[str, Json]) -> dict[str, Json]:
    for outer in _NESTED:
        inner = record.get(outer)
        if isinstance(inner, dict):
            del record[outer]
            record |= {f"{outer}.{name}": value for name, value in inner.items()}
    return record


def _columns(records: Sequence[dict[str, Json]]) -> dict[str, Sequence[Json]]:
    names = dict.fromkeys(name for record in records for name in record)
    return {name: [record.get(name, "") for record in records] for name in names}
