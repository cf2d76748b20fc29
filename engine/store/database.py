"""Opening the database, and the two kinds of transaction: one that reads and one that writes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError, ProgrammingError

from engine.errors import StoreError
from engine.store.dialect import Dialect

# How long a writer waits for another before SQLite gives up, in milliseconds.
_BUSY_TIMEOUT = 60_000
# PostgreSQL's word for a missing table (SQLSTATE); SQLite's is an OperationalError.
_UNDEFINED_TABLE = "42P01"


class Database:
    """One database, shared by every part of the process. Connections are pooled; close it once at the end."""

    def __init__(self, url: str) -> None:
        """Open the database lazily: the first transaction that writes makes a SQLite file, and its folder.

        Raises:
            StoreError: the URL is not one of a supported database.
        """
        self.url = url
        self.engine = _engine(url)
        self._file = _file(self.engine)
        self.dialect = Dialect(self.engine.dialect.name)

    @property
    def is_missing(self) -> bool:
        """Whether it is a SQLite file that does not exist yet."""
        return self._file is not None and not self._file.exists()

    def _make_folder(self) -> None:
        if not self.is_missing or self._file is None:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"the folder of the database {self._file} cannot be made: {error.strerror}") from error

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that only reads, on one snapshot.

        Raises:
            StoreError: there is no such database, or it cannot be used.
        """
        if self.is_missing:
            name = make_url(self.url).render_as_string(hide_password=True)
            raise StoreError(f"the database {name} is not there: check store.url, or run `habitue migrate` to make it")
        with self._connect() as connection:
            # Each statement would otherwise see what was committed before it, and not before the transaction.
            options = {"isolation_level": "REPEATABLE READ"} if self.dialect is Dialect.POSTGRES else {}
            reading = connection.execution_options(**options)
            with reading.begin():
                yield reading

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that writes; committed at the end, rolled back on any exception.

        On SQLite it takes the write lock at once, so it cannot fail half-way because another writer was first.
        """
        self._make_folder()
        with self._connect() as connection:
            writing = connection.execution_options(habitue_writes=True)
            with writing.begin():
                yield writing

    @contextmanager
    def _connect(self) -> Iterator[Connection]:
        try:
            connection = self.engine.connect()
        except DBAPIError as error:
            raise StoreError(_why(self.url, error)) from error
        try:
            yield connection
        except OperationalError as error:
            raise StoreError(_why(self.url, error)) from error
        except ProgrammingError as error:
            if getattr(error.orig, "sqlstate", None) != _UNDEFINED_TABLE:
                raise
            raise StoreError(_why(self.url, error)) from error
        finally:
            connection.close()

    def close(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except ArgumentError as error:
        raise StoreError(_unknown_url()) from error
    if backend == Dialect.SQLITE:
        return _sqlite(url, parsed.database)
    if backend == Dialect.POSTGRES:
        try:
            return create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
        except NoSuchModuleError as error:
            raise StoreError(_unknown_url()) from error
    raise StoreError(_unknown_url())


def _unknown_url() -> str:
    return (
        "store.url is not a database that Habitué knows; "
        "write `sqlite:///var/habitue.db` or `postgresql://user:password@host/database`"
    )


def _sqlite(url: str, database: str | None) -> Engine:
    if not database or database == ":memory:":
        raise StoreError(
            "store.url must name a file, such as `sqlite:///var/habitue.db`: a worker has many connections"
        )
    engine = create_engine(url)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _file(engine: Engine) -> Path | None:
    """Return the file of a SQLite database that is named by its path; None for any other."""
    database = engine.url.database
    named = engine.dialect.name == Dialect.SQLITE and database and not database.startswith("file:")
    return Path(str(database)) if named else None


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own class
    # SQLAlchemy's documented way to own BEGIN: the driver would otherwise begin late and deferred.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {_BUSY_TIMEOUT}",
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
        "temp_store = MEMORY",
        "cache_size = -65536",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("habitue_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _why(url: str, error: DBAPIError) -> str:
    """Say what the database's complaint means for the person who runs it; never repeats the URL's password."""
    name = make_url(url).render_as_string(hide_password=True)
    said = str(error.orig).strip().splitlines()[0] if error.orig else "no answer"
    lowered = said.lower()
    if "readonly" in lowered or "read-only" in lowered:
        return f"the database {name} is read-only: make the file and its folder writable for this user"
    if "unable to open" in lowered:
        return f"the database {name} cannot be opened: check that the folder exists and is writable"
    if "password" in lowered or "authentication" in lowered:
        return f"the database {name} refuses the user or password: check store.url or HABITUE_STORE__URL"
    if "no such table" in lowered or "does not exist" in lowered:
        return f"the database {name} lacks a table ({said}): run `habitue migrate`"
    if "full" in lowered:
        return f"the disk of the database {name} is full: nothing of this step was written"
    if "not a database" in lowered:
        return f"the file of {name} is no SQLite database: check store.url"
    if "connection" in lowered or "resolve" in lowered:
        return f"the database {name} cannot be reached ({said}): check store.url, and that its server runs"
    if "locked" in lowered:
        return f"the database {name} stayed locked by another process for {_BUSY_TIMEOUT // 1000} s"
    return f"the database {name} cannot be used: {said}"
