"""SQLite's set-wise statements. There is only one writer at a time, so there are no locks."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text

from engine.store.dialects.sets import ColumnType, Load, Sets


class SqliteSets(Sets):
    """SQL for sets of rows, in SQLite."""

    @property
    def key_type(self) -> str:
        """INTEGER: only with exactly this type is the key the row id, without an extra index."""
        return "INTEGER"

    def rows(self, parameter: str, columns: Mapping[str, ColumnType]) -> str:
        """With ``json_each``."""
        listed = ", ".join(f"json_extract(value, '$[{index}]') AS {name}" for index, name in enumerate(columns))
        return f"(SELECT {listed} FROM json_each(:{parameter}))"

    def elements(self, parameter: str) -> str:
        """``json_each``, whose column is called ``value``."""
        return f"json_each(:{parameter}) AS k"

    def of_first_row(self, value: str, table: str, alias: str, where: str, order: str) -> str:
        """The id is found first: an index has it, so that only one row of the table is read."""
        found = f"SELECT {alias}.id FROM {table} {alias} WHERE {where} ORDER BY {order} LIMIT 1"
        return f"(SELECT {value} FROM {table} {alias} WHERE {alias}.id = ({found}))"

    def create_temporary(self, name: str, columns: str, *, clustered: bool) -> str:
        """A table that lasts as long as the connection; a clustered one is stored in its key's index."""
        return f"CREATE TEMPORARY TABLE {name} ({columns}){' WITHOUT ROWID' if clustered else ''}"

    def analyse_temporary(self, name: str, columns: Sequence[str] = ()) -> str:
        """Without it SQLite plans for a million rows, and would read all events to find those of a few users."""
        return f"ANALYZE temp.{name}"

    def insert_new(self, connection: Connection, load: Load, rows: Sequence[tuple[object, ...]]) -> int:
        """Only this transaction writes, so the rows with ids above the present maximum are its own.

        They are found by their ids: to group them, SQLite would rather read an index in that order, from end to end.
        """
        before = connection.execute(text(f"SELECT coalesce(max(id), 0) FROM {load.table}")).scalar_one()
        insert = (
            f"INSERT INTO {load.table} ({', '.join(load.columns)}) VALUES ({', '.join('?' * len(load.columns))})"
            f" ON CONFLICT ({load.key}) DO NOTHING"
        )
        new = connection.exec_driver_sql(insert, list(rows)).rowcount
        if new:
            connection.execute(text(load.note(f"{load.table} NOT INDEXED WHERE id > :before")), {"before": before})
        return new

    def lock(self, alias: str) -> str:
        """Empty or without effect: no other transaction can write."""
        return ""

    def lock_free(self, alias: str = "") -> str:
        """Empty or without effect: no other transaction can write."""
        return ""

    def among_free(self, query: str) -> str:
        """A plain IN."""
        return f"IN ({query})"

    def lock_table(self, connection: Connection, table: str) -> None:
        """Empty or without effect: no other transaction can write."""

    def share_table(self, connection: Connection, table: str) -> None:
        """Empty or without effect: no other transaction can write."""

    def take_turns(self, connection: Connection, key: int) -> None:
        """Empty or without effect: no other transaction can write."""
