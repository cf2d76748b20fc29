"""SQLite 3.37 or newer: a file on one machine, with many readers and one writer at a time."""

from engine.store.dialects.base import Dialect
from engine.store.dialects.sqlite.expressions import SqliteExpressions
from engine.store.dialects.sqlite.opening import SqliteOpening
from engine.store.dialects.sqlite.sets import SqliteSets


class Sqlite(SqliteExpressions, SqliteSets, SqliteOpening, Dialect):
    """SQLite."""

    @property
    def name(self) -> str:
        """``sqlite``."""
        return "sqlite"


SQLITE = Sqlite()
