"""Opening the database, and its two kinds of transaction: for reading and for writing."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from engine.clock import WallClock
from engine.errors import StoreError, StoreRolledBack
from engine.store.dialects import DIALECTS, Dialect
from engine.store.failures import explained, fault_of, shown_url
from engine.store.private import make_private
from engine.store.repeats import note_repeats

Result = TypeVar("Result")
PAUSES = (0.05, 0.2, 0.8)
"""Seconds before each repetition of a transaction that the database undid; there are as many repetitions."""

_log = structlog.get_logger("habitue.store")


class Transactions(Protocol):
    """Opens transactions of one database."""

    def read(self) -> AbstractContextManager[Connection]:
        """Open a read-only transaction; see ``Database.read``."""
        ...

    def in_transaction(self, work: Callable[[Connection], Result]) -> Result:
        """Do ``work`` in a write transaction; see ``Database.in_transaction``."""
        ...


class Database:
    """One database, shared by every part of the process. Connections are pooled; close it once at the end."""

    def __init__(self, url: str) -> None:
        """Open the database lazily: the first write transaction creates a missing file and its folder.

        Raises:
            StoreError: the URL is not that of a supported database.
        """
        self.url = url
        self._given = _parsed(url)
        self.dialect = _dialect(self._given)
        self.engine = _engine(self.dialect, self._given)
        self._file = self.dialect.file(self._given)
        self._turns = self.dialect.turns(self._given)

    @property
    def file(self) -> Path | None:
        """The database's file; None if a server keeps it."""
        return self._file

    @property
    def is_missing(self) -> bool:
        """Whether it is a file that does not exist yet."""
        return self._file is not None and not self._file.exists()

    def _make_file(self) -> None:
        """Create a missing file, readable by this user alone because it contains customers' data."""
        if not self.is_missing or self._file is None:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"the folder of the database {self._file} cannot be created: {error.strerror}") from error
        try:
            make_private(self._file)
        except OSError as error:
            raise StoreError(f"the database {self._file} cannot be created: {error.strerror}") from error

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a read-only transaction on one snapshot.

        Raises:
            StoreError: there is no such database, or it cannot be used.
        """
        if self.is_missing:
            name = shown_url(self._given, self.dialect)
            raise StoreError(f"there is no database {name}: check store.url, or run `habitue migrate` to create it")
        with self._connect() as connection:
            reading = connection.execution_options(**self.dialect.snapshot)
            with reading.begin(), self._explaining(reading):
                yield reading

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a write transaction; it is committed at the end, or rolled back on any exception.

        It cannot fail half-way because another writer was first (see ``Dialect.open``), except by a deadlock: what writes
        rows that others write, too, goes through ``in_transaction``.
        """
        self._make_file()
        with self._turns.turn(), self._connect() as connection:
            writing = connection.execution_options(habitue_writes=True)
            with writing.begin(), self._explaining(writing):
                yield writing

    def others_wait(self) -> bool:
        """Tell whether another writer waits for this thread, or waited when this thread's last transaction ended.

        Always False if the database lets several transactions write at a time.
        """
        return self._turns.others_wait()

    @property
    def longest_chunk(self) -> float | None:
        """How long a chunk may take, in seconds, for the sake of writers who are still to come; None for any length."""
        return self._turns.longest

    def in_transaction(self, work: Callable[[Connection], Result]) -> Result:
        """Do ``work`` in a write transaction; return its result.

        If the database undoes the transaction in favour of another one (a deadlock), it is repeated from its beginning,
        up to three times. So ``work`` must have no effect outside the transaction, except one that a repetition replaces.

        Raises:
            StoreRolledBack: every repetition was undone, too.
        """
        for repeats, pause in enumerate(PAUSES):
            try:
                return self._attempt(work, repeats)
            except StoreRolledBack as error:
                _log.warning("transaction repeated", why=str(error), next_try=pause)
            time.sleep(pause)
        return self._attempt(work, len(PAUSES))

    def _attempt(self, work: Callable[[Connection], Result], repeats: int) -> Result:
        with self.write() as connection:
            result = work(connection)
            if repeats:
                note_repeats(connection, repeats, WallClock().now())
        return result

    @contextmanager
    def _connect(self) -> Iterator[Connection]:
        try:
            connection = self.engine.connect()
        except DBAPIError as error:
            fault = self.dialect.fault_of_connecting(error.orig or error)
            if sentence := explained(self._given, self.dialect, error, fault):
                raise sentence from error
            raise
        try:
            with self._explaining(connection):  # BEGIN and COMMIT
                yield connection
        finally:
            connection.close()

    @contextmanager
    def _explaining(self, connection: Connection) -> Iterator[None]:
        """Turn database errors into ``StoreError``, except those that are the program's fault."""
        try:
            yield
        except DBAPIError as error:
            if sentence := explained(self._given, self.dialect, error, fault_of(connection, error)):
                raise sentence from error
            raise

    def close(self) -> None:
        """Close all pooled connections, and what waiting for other writers needs."""
        self.engine.dispose()
        self._turns.close()


def _dialect(url: URL) -> Dialect:
    found = next((one for one in DIALECTS if one.name == url.get_backend_name()), None)
    if found is None:
        raise StoreError(_unknown_url())
    return found


def _engine(dialect: Dialect, url: URL) -> Engine:
    try:
        return dialect.open(url)
    except NoSuchModuleError as error:  # of a driver that is not installed
        raise StoreError(_unknown_url()) from error


def _parsed(url: str) -> URL:
    # The original error repeats the URL, so it is not shown as the cause.
    try:
        return make_url(url)
    except ArgumentError:
        raise StoreError(_unknown_url()) from None
    except ValueError:
        raise StoreError("store.url: the port is not a number: write one such as 5432, or leave it out") from None


def _unknown_url() -> str:
    examples = " or ".join(f"`{dialect.example}`" for dialect in DIALECTS)
    return f"store.url is not a database that Habitué supports: write {examples}"
