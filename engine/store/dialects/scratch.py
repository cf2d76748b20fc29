"""A temporary database in memory, for trial runs on made-up rows."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine

from engine.store.dialects.base import Dialect
from engine.store.dialects.sqlite import SQLITE


@contextmanager
def scratch() -> Iterator[tuple[Connection, Dialect]]:
    """Open an empty database; it is discarded at the end."""
    engine = create_engine("sqlite://")
    try:
        with engine.connect() as connection:
            yield connection, SQLITE
    finally:
        engine.dispose()
