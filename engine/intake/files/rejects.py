"""The file of rejected rows: line, reason, remedy, and the row itself, safe to open in a spreadsheet."""

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from engine.intake.files.records import ESCAPED, REJECTED_COLUMNS, Rejected
from engine.output_file import OutputFile

_MOST_REASONS = 200


def rejects_file(path: Path) -> OutputFile:
    """Return the file of rejected rows at ``path``; it replaces nothing but another such file."""
    return OutputFile(path, "the rejected rows", "choose another file with --rejected", _of_rejected_rows)


def _of_rejected_rows(beginning: bytes) -> bool:
    return beginning.removeprefix(b"\xef\xbb\xbf").startswith(",".join(REJECTED_COLUMNS).encode())


class Rejects:
    """Creates the file when the first row is rejected; a run without rejected rows empties an earlier run's file.

    The file is put in its place at the end, also after an error: what was rejected until then is worth knowing.
    """

    def __init__(self, path: Path | None, header: Sequence[str]) -> None:
        """If ``path`` is None, rows are only counted. An empty ``header`` means JSON lines."""
        self.path = path
        self.count = 0
        self.reasons: Counter[str] = Counter()
        self._header = [name for name in header if name not in REJECTED_COLUMNS] or ["record"]
        self._dropped = len(header) - len(self._header) if header else 0
        self._output = rejects_file(path) if path is not None else None
        self._writing = ExitStack()
        self._file: IO[str] | None = None
        self._writer: Any = None

    def __enter__(self) -> "Rejects":
        """Raise InputError if the path must not be written, before any row is read."""
        self._earlier = self._output is not None and self._output.check()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._output is not None and self._earlier and self._file is None and kind is None:
            self._start(self._output)
        self._writing.close()

    def add(self, rejected: Iterable[Rejected]) -> None:
        """Write some rows in the order of their lines, and count their reasons.

        Raises:
            InputError: the file cannot be written.
        """
        try:
            for row in sorted(rejected, key=attrgetter("line")):
                self.count += 1
                if row.reason in self.reasons or len(self.reasons) < _MOST_REASONS:
                    self.reasons[row.reason] += 1
                if self._output is not None:
                    if self._file is None:
                        self._start(self._output)
                    self._write(row)
        except OSError as error:  # such as a full disk: the output file says so
            self._writing.__exit__(type(error), error, error.__traceback__)

    def _start(self, output: OutputFile) -> None:
        # With a byte order mark, because Excel reads a file without one as Latin-1.
        self._file = self._writing.enter_context(output.writing("utf-8-sig", "backslashreplace"))
        self._writer = csv.writer(self._file)
        self._writer.writerow([*REJECTED_COLUMNS, *self._header])

    def _write(self, row: Rejected) -> None:
        cells = [row.reason, row.remedy, *row.original[self._dropped :]]
        self._writer.writerow([row.line, *map(safe_cell, cells)])


def safe_cell(cell: str) -> str:
    """Return the cell in a form that no spreadsheet runs as a formula."""
    return f"'{cell}" if cell.startswith(ESCAPED) else cell
