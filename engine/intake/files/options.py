"""Options for reading a file: the meaning of its columns, and conventions that its values do not show."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path

from engine.errors import InputError


@dataclass(frozen=True)
class ImportOptions:
    """The user's options for an import."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """Target -> column; for other targets the column is found by its name."""
    constants: Mapping[str, str] = field(default_factory=dict)
    """Target -> the same text for all rows."""
    zone: tzinfo = UTC
    """The time zone of times that have none."""
    date_format: str | None = None
    decimal: str = "."
    delimiter: str | None = None
    rejected: Path | None = None
    """Where rejected rows are written; by default next to the file, as ``FILE.rejected.csv``."""
    dry_run: bool = False
    again: bool = False
    """Read the file again even if it was imported before."""
    chunk: int = 20_000
    """Rows per transaction."""

    def digest(self) -> str:
        """Return a hash that changes whenever the same file would be read differently."""
        parts = (
            sorted(self.columns.items()), sorted(self.constants.items()), str(self.zone), self.date_format,
            self.decimal, self.delimiter,
        )  # fmt: skip
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def parse_map(pairs: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Parse ``target=column`` and ``target==constant``; return the columns and the constants.

    Raises:
        InputError: a pair is neither, or a target occurs twice.
    """
    columns: dict[str, str] = {}
    constants: dict[str, str] = {}
    for pair in pairs:
        target, equals, source = (part.strip() for part in pair.partition("="))
        if not target or not equals or source in ("", "="):
            raise InputError(f"--map {pair}: write `target=column`, or `target==text` for the same text in all rows")
        if target in columns or target in constants:
            raise InputError(f"--map {pair}: `{target}` is given twice")
        if source.startswith("="):
            constants[target] = source[1:].strip()
        else:
            columns[target] = source
    return columns, constants
