"""The file of rejected rows: line, reason, remedy, and the row itself, safe to open in a spreadsheet."""

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from engine.errors import InputError
from engine.intake.files.records import ESCAPED, REJECTED_COLUMNS, Rejected
from engine.store.private import open_private

_MOST_REASONS = 200


class Rejects:
    """Creates the file when the first row is rejected; a run without rejected rows removes an earlier run's file."""

    def __init__(self, path: Path | None, header: Sequence[str]) -> None:
        """If ``path`` is None, rows are only counted. An empty ``header`` means JSON lines."""
        self.path = path
        self.count = 0
        self.reasons: Counter[str] = Counter()
        self._header = [name for name in header if name not in REJECTED_COLUMNS] or ["record"]
        self._dropped = len(header) - len(self._header) if header else 0
        self._file: IO[str] | None = None
        self._writer: Any = None

    def __enter__(self) -> "Rejects":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
        elif self.path is not None and kind is None:
            self.path.unlink(missing_ok=True)

    def add(self, rejected: Iterable[Rejected]) -> None:
        """Write some rows in the order of their lines, and count their reasons.

        Raises:
            InputError: the file cannot be written.
        """
        for row in sorted(rejected, key=attrgetter("line")):
            self.count += 1
            if row.reason in self.reasons or len(self.reasons) < _MOST_REASONS:
                self.reasons[row.reason] += 1
            if self.path is not None:
                self._write(self.path, row)
        if self._file is not None:
            self._file.flush()

    def _write(self, path: Path, row: Rejected) -> None:
        if self._writer is None:
            try:
                # With a byte order mark, because Excel reads a file without one as Latin-1.
                self._file = open(  # noqa: SIM115, PTH123 - closed at the end of the import; Path has no such opener
                    open_private(path), "w", encoding="utf-8-sig", errors="backslashreplace", newline=""
                )
            except OSError as error:
                raise InputError(
                    f"the rejected rows cannot be written to {path}: {error.strerror}; choose another file with --rejected"
                ) from error
            self._writer = csv.writer(self._file)
            self._writer.writerow([*REJECTED_COLUMNS, *self._header])
        cells = [row.reason, row.remedy, *row.original[self._dropped :]]
        self._writer.writerow([row.line, *map(safe_cell, cells)])


def safe_cell(cell: str) -> str:
    """Return the cell in a form that no spreadsheet runs as a formula."""
    return f"'{cell}" if cell.startswith(ESCAPED) else cell
