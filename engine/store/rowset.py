"""Python rows as an SQL table: one bound JSON text, so that one statement handles a whole group.

With one statement per group, an embedded database also runs without Python's global interpreter lock.
"""

from collections.abc import Sequence

import orjson

from engine.store.dialects import Dialect
from engine.store.dialects.sets import ColumnType


def rowset(dialect: Dialect, parameter: str, **columns: ColumnType) -> str:
    """Return SQL for a derived table with ``columns``, read from the bind ``:parameter``; see ``pack``."""
    return dialect.rows(parameter, columns)


def pack(rows: Sequence[Sequence[object]]) -> str:
    """Return ``rows`` (integers, texts, None) as the value of a rowset's parameter."""
    return orjson.dumps(rows).decode()
