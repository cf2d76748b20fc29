"""Rows under named columns, and many such tables in one compressed file: a line for each table, one for each row."""

import json
import lzma
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Value = str | int | float | None
Row = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows, and what stands in each place of a row."""

    columns: tuple[str, ...]
    rows: Sequence[Row]


def write_tables(path: Path, tables: Mapping[str, Table]) -> None:
    """Write ``tables`` in their order; the same tables make the same file."""
    with lzma.open(path, "wt", encoding="utf-8", newline="\n") as file:
        for line in _lines(tables):
            file.write(f"{line}\n")


def read_tables(path: Path) -> dict[str, Table]:
    """Read what ``write_tables`` wrote."""
    tables: dict[str, Table] = {}
    with lzma.open(path, "rt", encoding="utf-8", newline="\n") as lines:
        for line in lines:
            head = json.loads(line)
            rows = [tuple(json.loads(next(lines))) for _ in range(head["rows"])]
            tables[head["table"]] = Table(tuple(head["columns"]), rows)
    return tables


def _lines(tables: Mapping[str, Table]) -> Iterator[str]:
    for name, table in tables.items():
        yield _json({"table": name, "columns": table.columns, "rows": len(table.rows)})
        yield from map(_json, table.rows)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
