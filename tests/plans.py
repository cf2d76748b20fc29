"""Query plans, as the database explains them: which indexes it searches, and whether it sorts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, event

from engine.store.database import Database
from engine.store.dialects.postgresql import POSTGRESQL
from engine.store.dialects.sqlite import SQLITE

_EXPLAIN = {SQLITE: "EXPLAIN QUERY PLAN", POSTGRESQL: "EXPLAIN (COSTS OFF)"}
_SORTS = {SQLITE: "USE TEMP B-TREE", POSTGRESQL: "Sort"}


def plans(database: Database, run: Callable[[Connection], object], *, of: str) -> list[str]:
    """Return the plans of those statements executed by ``run`` whose SQL contains ``of``.

    PostgreSQL scans small tables in full even if there is an index, so here it is told to use indexes where it can.
    """
    seen: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, sql: str, binds: Any, *_: object) -> None:
        if of in sql:
            seen.append((sql, binds))

    with database.write() as connection:
        if database.dialect is POSTGRESQL:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            connection.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
        event.listen(connection, "before_cursor_execute", note)
        run(connection)
        event.remove(connection, "before_cursor_execute", note)
        found = [connection.exec_driver_sql(f"{_EXPLAIN[database.dialect]} {sql}", binds).all() for sql, binds in seen]
    return ["\n".join(str(row[-1]) for row in rows) for rows in found]


def sorts(database: Database, plan: str) -> bool:
    """Tell whether a plan sorts rows, instead of reading them in order."""
    return _SORTS[database.dialect] in plan


@contextmanager
def noted_plans(database: Database, *, of: str) -> Iterator[list[str]]:
    """Collect the plans of those statements whose SQL contains ``of``, each made just before the statement is executed.

    Unlike ``plans``, it can watch code that opens its own transactions and temporary tables.
    """
    found: list[str] = []

    def note(_connection: object, cursor: Any, sql: str, binds: Any, *_: object) -> None:
        if of in sql:
            if database.dialect is POSTGRESQL:
                cursor.execute("SET LOCAL enable_seqscan = off")
                cursor.execute("SET LOCAL enable_bitmapscan = off")
            cursor.execute(f"{_EXPLAIN[database.dialect]} {sql}", binds)
            found.append("\n".join(str(row[-1]) for row in cursor.fetchall()))

    event.listen(database.engine, "before_cursor_execute", note)
    yield found
    event.remove(database.engine, "before_cursor_execute", note)
