"""Runs SQL that was written by hand for the default brand, with the program's own connection settings."""

from collections.abc import Mapping, Sequence
from functools import partial

from sqlalchemy import Connection

from bench.common import Timing, timed
from engine.clock import Instant
from engine.loading import Content
from engine.store.database import Database
from engine.store.dialects import Dialect
from engine.store.statement import statement


def signatures(content: Content, dialect: Dialect) -> Mapping[str, str]:
    """Return dimension -> its signature: what transitions keep for `explain`, and the one expression not by hand."""
    return {dimension.name: dimension.signature_sql(dialect) for dimension in content.rules.dimensions}


def execute(connection: Connection, statements: Sequence[str], now: Instant, version: str, cause: str) -> None:
    """Run ``statements``, which may have the binds ``now``, ``version`` and ``cause``."""
    binds = {"now": now, "version": version, "cause": cause}
    for sql in statements:
        connection.execute(statement(sql), {name: value for name, value in binds.items() if f":{name}" in sql})


def run_by_hand(url: str, statements: Sequence[str], now: Instant, version: str, cause: str) -> Timing:
    """Run ``statements`` in one transaction; return how long that took."""
    database = Database(url)

    def run() -> None:
        with database.write() as connection:
            execute(connection, statements, now, version, cause)

    try:
        with database.read() as connection:  # connecting is not measured
            connection.exec_driver_sql("SELECT 1")
        return timed(partial(run))
    finally:
        database.close()
