"""Comparing the end states of two stores, and what else is read from a store afterwards."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from sqlalchemy import Connection, text

from bench.population import NOW
from engine.store.database import Database

PARTS = (
    "SELECT * FROM user_state",
    "SELECT user_id, due_at, cause, evaluated_at FROM user_due",
    "SELECT user_id, dimension, from_place, to_place, at, cause, rule, rules_version, signature FROM transition",
)
"""What an evaluation writes; transitions apart from their ids, which depend on the order of work."""


def differing_rows(ours: str, theirs: str, parts: Sequence[str] = PARTS) -> int:
    """Count the rows of the queries ``parts`` that are in one of two stores of the same kind and not in the other."""
    total = 0
    for query in parts:
        mine, others = _hashes(ours, query), _hashes(theirs, query)
        total += (mine - others).total() + (others - mine).total()
    return total


def _hashes(url: str, query: str) -> Counter[int]:
    """Return how often each row is there, by hash: a million rows would not fit into memory."""
    with _rows(url, query) as rows:
        return Counter(map(hash, rows))


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
        return float(hot / max(1, updated))


def _number(connection: Connection, query: str) -> int:
    found: int = connection.execute(text(query)).scalar_one()
    return found
