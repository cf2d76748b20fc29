"""PostgreSQL's set-wise statements. Many transactions write at a time, so rows are locked, always in the same order."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text

from engine.store.dialects.sets import ColumnType, Load, Sets

_STAGE = "loaded"
"""Temporary table: the rows to insert, with the ids that they will have."""


class PostgresqlSets(Sets):
    """SQL for sets of rows, in PostgreSQL."""

    @property
    def key_type(self) -> str:
        """BIGINT."""
        return "BIGINT"

    def rows(self, parameter: str, columns: Mapping[str, ColumnType]) -> str:
        """With ``jsonb_array_elements``."""
        listed = ", ".join(f"CAST(value ->> {i} AS {kind}) AS {name}" for i, (name, kind) in enumerate(columns.items()))
        return f"(SELECT {listed} FROM jsonb_array_elements(CAST(:{parameter} AS JSONB)))"

    def elements(self, parameter: str) -> str:
        """With ``jsonb_array_elements_text``."""
        return f"jsonb_array_elements_text(CAST(:{parameter} AS JSONB)) AS k(value)"

    def among(self, query: str) -> str:
        """An array, of which PostgreSQL expects few elements."""
        return f"= ANY(ARRAY({query}))"

    def not_among(self, value: str, query: str) -> str:
        """NOT EXISTS, which is an anti-join: NOT IN reads all of ``query`` for each row once it is too large to hash."""
        return f"NOT EXISTS (SELECT 1 FROM ({query}) AS other (id) WHERE other.id = {value})"

    def create_temporary(self, name: str, columns: str, *, clustered: bool) -> str:
        """A table that is dropped at the end of the transaction; PostgreSQL has no clustered tables."""
        return f"CREATE TEMPORARY TABLE {name} ({columns}) ON COMMIT DROP"

    def analyse_temporary(self, name: str, columns: Sequence[str] = ()) -> str:
        """Without it PostgreSQL plans for a thousand rows. Each column costs time."""
        return f"ANALYZE {name} ({', '.join(columns)})" if columns else f"ANALYZE {name}"

    def insert_new(self, connection: Connection, load: Load, rows: Sequence[tuple[object, ...]]) -> int:
        """COPY into a temporary table, then an insert in the order of the keys, which prevents deadlocks."""
        self._stage(connection, load)
        driver = connection.connection.driver_connection
        if driver is None:
            raise RuntimeError("the connection was closed before its rows were written")
        names = ", ".join(load.columns)
        with driver.cursor() as cursor, cursor.copy(f"COPY {_STAGE} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        connection.execute(text(self.analyse_temporary(_STAGE)))
        insert = (
            f"INSERT INTO {load.table} (id, {names}) SELECT id, {names} FROM {_STAGE} ORDER BY {load.key}, id"
            f" ON CONFLICT ({load.key}) DO NOTHING RETURNING {', '.join(load.noted)}"
        )
        return int(
            connection.execute(
                text(f"WITH made AS ({insert}), kept AS ({load.note('made')}) SELECT count(*) FROM made")
            ).scalar_one()
        )

    def _stage(self, connection: Connection, load: Load) -> None:
        """Create the temporary table; it assigns ids in the order in which rows arrive."""
        connection.execute(text(f"DROP TABLE IF EXISTS {_STAGE}"))
        numbers = f"id BIGINT DEFAULT nextval(pg_get_serial_sequence('{load.table}', 'id'))"
        columns = (f"{name} {'JSONB' if kind == 'JSON' else kind}" for name, kind in load.columns.items())
        connection.execute(text(self.create_temporary(_STAGE, ", ".join((numbers, *columns)), clustered=False)))

    def lock(self, alias: str) -> str:
        """FOR NO KEY UPDATE: it waits for other writers of the row, and not for those who only refer to its key."""
        return f" FOR NO KEY UPDATE OF {alias}"

    def where_locked(self, table: str, alias: str, key: str, condition: str) -> str:
        """An array, because it is complete, and so everything is locked, before the first row is changed."""
        these = f"SELECT {alias}.{key} FROM {table} AS {alias} WHERE {condition} ORDER BY {alias}.{key}"
        return f"{alias}.{key} = ANY(ARRAY({these}{self.lock(alias)}))"

    def lock_free(self, alias: str = "") -> str:
        """FOR NO KEY UPDATE SKIP LOCKED."""
        return f" FOR NO KEY UPDATE{f' OF {alias}' if alias else ''} SKIP LOCKED"

    def among_free(self, query: str) -> str:
        """An array: as a subquery of IN, ``query`` might run several times and lock more rows each time."""
        return f"= ANY(ARRAY({query}{self.lock_free()}))"

    def lock_table(self, connection: Connection, table: str) -> None:
        """A lock that still lets others read."""
        connection.execute(text(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"))

    def share_table(self, connection: Connection, table: str) -> None:
        """The lock of ordinary writers: it conflicts with that of ``lock_table``, and not with itself."""
        connection.execute(text(f"LOCK TABLE {table} IN ROW EXCLUSIVE MODE"))

    def take_turns(self, connection: Connection, key: int) -> None:
        """A transaction-level advisory lock."""
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
