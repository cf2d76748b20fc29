"""Comparing the end states of two stores, and what else is read from a store afterwards."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import zip_longest
from typing import Any

from sqlalchemy import Connection, text

from bench.population import NOW
from engine.store.database import Database

PARTS = {
    "user_state": "SELECT * FROM user_state ORDER BY user_id",
    "user_due": "SELECT user_id, due_at, cause, evaluated_at FROM user_due ORDER BY user_id",
    "transition": "SELECT user_id, dimension, from_place, to_place, at, cause, rule, rules_version, signature"
    " FROM transition ORDER BY user_id, dimension, at, from_place, to_place",
}
"""What an evaluation writes; transitions apart from their ids, which depend on the order of work."""


def differing_rows(ours: str, theirs: str, parts: dict[str, str] | None = None) -> int:
    """Count the rows in which two stores of the same kind differ."""
    total = 0
    for query in (parts or PARTS).values():
        with _rows(ours, query) as mine, _rows(theirs, query) as others:
            total += sum(left != right for left, right in zip_longest(mine, others))
    return total


@contextmanager
def _rows(url: str, query: str) -> Iterator[Iterator[tuple[Any, ...]]]:
    with closing(Database(url)) as database, database.read() as connection:
        streaming = connection.execution_options(stream_results=True, yield_per=5_000)
        yield (tuple(row) for row in streaming.execute(text(query)))


def end_of_sweep(url: str) -> dict[str, int]:
    """Return how many users moved at ``NOW``, and how many are waiting to."""
    with closing(Database(url)) as database, database.read() as connection:
        waits = [name for name in database.dialect.columns(connection, "user_state") if name.startswith("wait_")]
        return {
            "moved": _number(connection, f"SELECT count(DISTINCT user_id) FROM transition WHERE at = {NOW}"),
            "waiting": _number(connection, f"SELECT count(*) FROM user_state WHERE coalesce({', '.join(waits)}) > 0"),
        }


def hot_share(url: str) -> float | None:
    """Return the share of the updates of ``user_state`` that were HOT; None if the database has no such thing.

    The statistics of a session are complete when it has ended, so the store must have been closed.
    """
    if url.startswith("sqlite"):
        return None
    with closing(Database(url)) as database, database.read() as connection:
        query = "SELECT n_tup_hot_upd, n_tup_upd FROM pg_stat_user_tables WHERE relname = 'user_state'"
        hot, updated = connection.execute(text(query)).one()
        return float(hot) / max(1, updated)


def _number(connection: Connection, query: str) -> int:
    found: int = connection.execute(text(query)).scalar_one()
    return found
