"""Opening the database, and the two kinds of transaction: one that reads and one that writes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from engine.errors import StoreError
from engine.store.dialect import Dialect
from engine.store.dialects import postgresql, sqlite
from engine.store.dialects.fault import Fault
from engine.store.failures import explained, fault_of, shown_url
from engine.store.private import make_private


class Database:
    """One database, shared by every part of the process. Connections are pooled; close it once at the end."""

    def __init__(self, url: str) -> None:
        """Open the database lazily: the first transaction that writes makes a SQLite file, and its folder.

        Raises:
            StoreError: the URL is not one of a supported database.
        """
        self.url = url
        self._given = _parsed(url)
        self.engine = _engine(self._given)
        self._file = _file(self.engine)
        self.dialect = Dialect(self.engine.dialect.name)

    @property
    def is_missing(self) -> bool:
        """Whether it is a SQLite file that does not exist yet."""
        return self._file is not None and not self._file.exists()

    def _make_file(self) -> None:
        """Make the file of a SQLite database that is missing, for this user alone: it holds customers' data."""
        if not self.is_missing or self._file is None:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"the folder of the database {self._file} cannot be made: {error.strerror}") from error
        try:
            make_private(self._file)
        except OSError as error:
            raise StoreError(f"the database {self._file} cannot be made: {error.strerror}") from error

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that only reads, on one snapshot.

        Raises:
            StoreError: there is no such database, or it cannot be used.
        """
        if self.is_missing:
            name = shown_url(self._given)
            raise StoreError(f"the database {name} is not there: check store.url, or run `habitue migrate` to make it")
        with self._connect() as connection:
            # Each statement would otherwise see what was committed before it, and not before the transaction.
            options = {"isolation_level": "REPEATABLE READ"} if self.dialect is Dialect.POSTGRES else {}
            reading = connection.execution_options(**options)
            with reading.begin(), self._explaining(reading):
                yield reading

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that writes; committed at the end, rolled back on any exception.

        On SQLite it takes the write lock at once, so it cannot fail half-way because another writer was first.
        """
        self._make_file()
        with self._connect() as connection:
            writing = connection.execution_options(habitue_writes=True)
            with writing.begin(), self._explaining(writing):
                yield writing

    @contextmanager
    def _connect(self) -> Iterator[Connection]:
        try:
            connection = self.engine.connect()
        except DBAPIError as error:
            if sentence := explained(self._given, error, self._fault_of_connecting(error)):
                raise sentence from error
            raise
        try:
            with self._explaining(connection):  # BEGIN and COMMIT
                yield connection
        finally:
            connection.close()

    @contextmanager
    def _explaining(self, connection: Connection) -> Iterator[None]:
        """Turn the database's complaint into a ``StoreError``; let an error of the program pass."""
        try:
            yield
        except DBAPIError as error:
            if sentence := explained(self._given, error, fault_of(connection, error)):
                raise sentence from error
            raise

    def _fault_of_connecting(self, error: DBAPIError) -> Fault:
        cause = error.orig or error
        if self.dialect is Dialect.SQLITE:
            return sqlite.fault_of(cause)
        return postgresql.fault_of_connecting(cause)

    def close(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()


def _engine(url: URL) -> Engine:
    backend = url.get_backend_name()
    if backend == Dialect.SQLITE:
        if not url.database or url.database == ":memory:":
            raise StoreError(
                "store.url must name a file, such as `sqlite:///var/habitue.db`: a worker has many connections"
            )
        return sqlite.make_engine(url)
    if backend == Dialect.POSTGRES:
        try:
            return postgresql.make_engine(url)
        except NoSuchModuleError as error:
            raise StoreError(_unknown_url()) from error
    raise StoreError(_unknown_url())


def _parsed(url: str) -> URL:
    # What is raised repeats the URL, so it is no cause to show.
    try:
        return make_url(url)
    except ArgumentError:
        raise StoreError(_unknown_url()) from None
    except ValueError:
        raise StoreError("store.url: the port is not a number; write one such as 5432, or leave it out") from None


def _unknown_url() -> str:
    return (
        "store.url is not a database that Habitué knows; "
        "write `sqlite:///var/habitue.db` or `postgresql://user:password@host/database`"
    )


def _file(engine: Engine) -> Path | None:
    """Return the file of a SQLite database that is named by its path; None for any other."""
    database = engine.url.database
    named = engine.dialect.name == Dialect.SQLITE and database and not database.startswith("file:")
    return Path(str(database)) if named else None
