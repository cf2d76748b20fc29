"""SQLite's sets. There is one writer at a time, so nothing has to be locked."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text

from engine.store.dialects.sets import ColumnType, Load, Sets


class SqliteSets(Sets):
    """SQL for sets of rows, in SQLite."""

    @property
    def key_type(self) -> str:
        """INTEGER, and no other word for it, is the table's own key: no index stands beside it."""
        return "INTEGER"

    def rows(self, parameter: str, columns: Mapping[str, ColumnType]) -> str:
        """By ``json_each``."""
        listed = ", ".join(f"json_extract(value, '$[{index}]') AS {name}" for index, name in enumerate(columns))
        return f"(SELECT {listed} FROM json_each(:{parameter}))"

    def elements(self, parameter: str) -> str:
        """``json_each``, whose column is called ``value``."""
        return f"json_each(:{parameter}) AS k"

    def create_temporary(self, name: str, columns: str, *, clustered: bool) -> str:
        """It lasts as long as the connection, and is dropped before it is made again."""
        return f"CREATE TEMPORARY TABLE {name} ({columns}){' WITHOUT ROWID' if clustered else ''}"

    def analyse_temporary(self, name: str) -> str:
        """Without it a million rows are planned for: all events would be read to find those of a few users."""
        return f"ANALYZE temp.{name}"

    def insert_new(self, connection: Connection, load: Load, rows: Sequence[tuple[object, ...]]) -> int:
        """One prepared statement. This transaction alone writes, so ids above the present highest are its own."""
        before = connection.execute(text(f"SELECT coalesce(max(id), 0) FROM {load.table}")).scalar_one()
        insert = (
            f"INSERT INTO {load.table} ({', '.join(load.columns)}) VALUES ({', '.join('?' * len(load.columns))})"
            f" ON CONFLICT ({load.key}) DO NOTHING"
        )
        new = connection.exec_driver_sql(insert, list(rows)).rowcount
        if new:
            connection.execute(text(load.note(f"{load.table} WHERE id > :before")), {"before": before})
        return new

    def lock(self, alias: str) -> str:
        """Nothing."""
        return ""

    def lock_free(self) -> str:
        """Nothing."""
        return ""

    def among_free(self, query: str) -> str:
        """IN."""
        return f"IN ({query})"

    def lock_table(self, connection: Connection, table: str) -> None:
        """Nothing."""

    def take_turns(self, connection: Connection, key: int) -> None:
        """Nothing."""
