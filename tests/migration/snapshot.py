"""The stores to be migrated: taken from SQLite once, loaded into an empty database of either kind.

The schema of the first is not made by the program but kept as it was, in ``schema.sqlite.sql`` and
``schema.postgresql.sql``: the fixed tables of revision 0001, and ``user_state`` with the columns that the brand's files
had asked for. The fixed tables of the second are those that the migrations up to revision 0002 make. The rows are the same
on both databases, so they are kept once.
"""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from engine.store import migrations
from tests.migration.table import Table, read_tables

HERE = Path(__file__).parent
ROWS = HERE / "store.jsonl.xz"
HOUSE = HERE / "house.jsonl.xz"
"""Rows of a store of revision 0002; see ``make_house_store``."""
SCHEMAS = {dialect: HERE / f"schema.{dialect}.sql" for dialect in ("sqlite", "postgresql")}


def load(url: str) -> None:
    """Make the store of revision 0001 in the empty database at ``url``."""
    engine = create_engine(url, poolclass=NullPool)
    dialect = engine.dialect.name
    schema = SCHEMAS[dialect].read_text(encoding="utf-8")
    with engine.begin() as connection:
        if dialect == "sqlite":
            _driver(connection).executescript(schema)
        else:
            _driver(connection).execute(schema)
        _load_rows(connection, read_tables(ROWS))


def load_house(url: str) -> None:
    """Make the store of revision 0002 in the empty database at ``url``."""
    engine = create_engine(url, poolclass=NullPool)
    tables = read_tables(HOUSE)
    columns, indexes = tables.pop("state_columns"), tables.pop("state_indexes")
    assert tables.pop("alembic_version").rows == [("0002",)]
    config = Config()
    config.set_main_option("script_location", migrations.__path__[0])
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        for name, kind in columns.rows:
            connection.execute(text(f"ALTER TABLE user_state ADD COLUMN {name} {kind}"))
        for (sql,) in indexes.rows:
            connection.execute(text(str(sql)))
        _load_rows(connection, tables)


def _load_rows(connection: Connection, tables: dict[str, Table]) -> None:
    if connection.dialect.name == "sqlite":
        _load_sqlite(connection, tables)
    else:
        _load_postgresql(connection, tables)
    connection.execute(text("ANALYZE"))


def _load_sqlite(connection: Connection, tables: dict[str, Table]) -> None:
    for name, table in tables.items():
        places = ", ".join("?" * len(table.columns))
        if table.rows:
            connection.exec_driver_sql(_into(name, table, f"VALUES ({places})"), list(table.rows))


def _load_postgresql(connection: Connection, tables: dict[str, Table]) -> None:
    driver = _driver(connection)
    for name, table in tables.items():
        with driver.cursor() as cursor, cursor.copy(f"COPY {name} ({', '.join(table.columns)}) FROM STDIN") as copy:
            for row in table.rows:
                copy.write_row(row)
        if "id" in table.columns and table.rows:
            sequence = f"pg_get_serial_sequence('{name}', 'id')"
            connection.execute(text(f"SELECT setval({sequence}, (SELECT max(id) FROM {name}))"))


def _driver(connection: Connection) -> Any:  # noqa: ANN401 - sqlite3's or psycopg's connection
    return connection.connection.driver_connection


def _into(name: str, table: Table, values: str) -> str:
    return f"INSERT INTO {name} ({', '.join(table.columns)}) {values}"


def take(url: str) -> tuple[str, dict[str, Table]]:
    """Return the schema and all rows of the SQLite store at ``url``."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        made = connection.exec_driver_sql(
            "SELECT name, type, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
            " ORDER BY type DESC, name"
        ).all()
        names = [name for name, kind, _ in made if kind == "table"]
        return "".join(f"{sql};\n\n" for _, _, sql in made), {name: _all_rows(connection, name) for name in names}


def _all_rows(connection: Connection, name: str) -> Table:
    # By the first column, which is the key or the beginning of it; several rows under one are told apart by the rest.
    found = connection.exec_driver_sql(f"SELECT * FROM {name}")
    return Table(tuple(found.keys()), sorted((tuple(row) for row in found), key=lambda row: [_order(v) for v in row]))


def _order(value: object) -> tuple[bool, str, object]:
    return (value is not None, type(value).__name__, value if value is not None else 0)
