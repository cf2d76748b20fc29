"""A store that fails when a test says so: around the commit of a transaction that writes, or before one that reads."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from engine.store.database import Database


def _pass(_: Connection) -> None:
    """Let a transaction be."""


class ScriptedStore(Database):
    """A database; what its scripts raise is raised where a real one would fail."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.reading: Callable[[Connection], None] = _pass
        """Called at the beginning of each transaction that reads."""
        self.writing: Callable[[Connection], None] = _pass
        """Called at the beginning of each transaction that writes."""
        self.committing: Callable[[Connection], None] = _pass
        """Called when a transaction has written all it will: if it raises, nothing of it is kept."""
        self.committed: Callable[[], None] = lambda: None
        """Called after each commit: if it raises, the work is done and whoever did it does not know."""

    @contextmanager
    def read(self, on: Connection | None = None) -> Iterator[Connection]:
        with super().read(on) as connection:
            self.reading(connection)
            yield connection

    @contextmanager
    def write(self, on: Connection | None = None, *, durable: bool = False) -> Iterator[Connection]:
        with super().write(on, durable=durable) as connection:
            self.writing(connection)
            yield connection
            self.committing(connection)
        self.committed()
