"""Opening SQLite: a file with a write-ahead log."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, URL, Connection, Engine, Integer, TextClause, create_engine, event, text
from sqlalchemy.types import TypeEngine

from engine.errors import StoreError
from engine.store.dialects.fault import Fault
from engine.store.dialects.opening import Opening
from engine.store.dialects.sqlite.faults import fault_of
from engine.store.dialects.sqlite.turns import SqliteTurns
from engine.store.dialects.turns import Turns

_SYNCED, _NOT_SYNCED = "synchronous = FULL", "synchronous = NORMAL"
"""Whether a commit syncs the write-ahead log. A power cut takes back what is not synced, but never a part of it."""
BUSY_TIMEOUT = 60_000
"""How long a writer waits for another before SQLite gives up, in milliseconds."""


class SqliteOpening(Opening):
    """Opens a database file."""

    @property
    def example(self) -> str:
        """A file below the folder in which the worker runs."""
        return "sqlite:///var/habitue.db"

    @property
    def shown_options(self) -> frozenset[str]:
        """The options that say how the file is opened."""
        return frozenset({"mode", "uri"})

    @property
    def snapshot(self) -> Mapping[str, Any]:
        """None are needed: a transaction always sees one snapshot."""
        return {}

    def open(self, url: URL) -> Engine:
        """A transaction that writes takes the write lock when it begins.

        The write-ahead log is synced by durable transactions, with all that was committed before, and by checkpoints.
        """
        if not url.database or url.database == ":memory:":
            raise StoreError(f"store.url must be a file, such as `{self.example}`: a worker uses several connections")
        engine = create_engine(url, hide_parameters=True)
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
        return engine

    def file(self, url: URL) -> Path | None:
        """The file, unless it is given as one of SQLite's own URIs."""
        return Path(url.database) if url.database and not url.database.startswith("file:") else None

    def turns(self, url: URL) -> Turns:
        """Queues beside the file; there is no queue for SQLite's own URIs."""
        file = self.file(url)
        return Turns() if file is None else SqliteTurns(file)

    def columns(self, connection: Connection, table: str) -> Mapping[str, str]:
        """The types as they were declared."""
        query = text("SELECT name, upper(type) FROM pragma_table_info(:table) ORDER BY cid")
        return {str(name): str(sql_type) for name, sql_type in connection.execute(query, {"table": table})}

    def estimated_rows(self, connection: Connection, table: str) -> int | None:
        """Not known: SQLite has no estimate."""
        return None

    @property
    def json_type(self) -> TypeEngine[Any]:
        """JSON, stored as text."""
        return JSON(none_as_null=True)

    @property
    def row_id_type(self) -> TypeEngine[int]:
        """INTEGER: SQLite assigns row ids only if the key has exactly this type."""
        return Integer()

    def partial_index(self, where: TextClause) -> Mapping[str, Any]:
        """SQLite's WHERE clause."""
        return {"sqlite_where": where}

    def fault_of(self, error: BaseException, connection: Connection, statement: str | None) -> Fault:
        """Told by the result code."""
        return fault_of(error, connection, statement)

    def fault_of_connecting(self, error: BaseException) -> Fault:
        """Told by the result code."""
        return fault_of(error)

    def code_of(self, error: BaseException) -> str | None:
        """The name of the result code, such as ``SQLITE_BUSY``."""
        return getattr(error, "sqlite_errorname", None)


def _prepare(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own class
    # SQLAlchemy's documented way to own BEGIN: the driver would otherwise begin late and deferred.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT}",
        "journal_mode = WAL",
        _NOT_SYNCED,
        "foreign_keys = ON",
        "temp_store = MEMORY",
        "cache_size = -65536",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    writes = options.get("habitue_writes", False)
    if writes:
        _sync(connection, _SYNCED if options.get("habitue_durable", False) else _NOT_SYNCED)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _sync(connection: Connection, wanted: str) -> None:
    """Set whether the next commit is synced; SQLite refuses to change that inside a transaction."""
    if connection.info.get("habitue_sync", _NOT_SYNCED) != wanted:
        connection.exec_driver_sql(f"PRAGMA {wanted}")
        connection.info["habitue_sync"] = wanted
