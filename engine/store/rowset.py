"""Python rows as an SQL table: one bound JSON text, so that one statement handles a whole group on both databases.

With one statement per group, SQLite also runs without Python's global interpreter lock.
"""

from collections.abc import Sequence
from typing import Literal

import orjson

from engine.store.dialect import Dialect

ColumnType = Literal["BIGINT", "TEXT"]


def rowset(dialect: Dialect, parameter: str, **columns: ColumnType) -> str:
    """Return SQL for a derived table with ``columns``, read from the bind ``:parameter``; see ``pack``."""
    if dialect is Dialect.SQLITE:
        listed = ", ".join(f"json_extract(value, '$[{index}]') AS {name}" for index, name in enumerate(columns))
        return f"(SELECT {listed} FROM json_each(:{parameter}))"
    listed = ", ".join(f"CAST(value ->> {i} AS {kind}) AS {name}" for i, (name, kind) in enumerate(columns.items()))
    return f"(SELECT {listed} FROM jsonb_array_elements(CAST(:{parameter} AS JSONB)))"


def pack(rows: Sequence[Sequence[object]]) -> str:
    """Return ``rows`` (integers, texts, None) as the value of a rowset's parameter."""
    return orjson.dumps(rows).decode()
