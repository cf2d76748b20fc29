"""Where a benchmark keeps its stores: SQLite files in a scratch folder, or databases of a PostgreSQL server of its own.

A store is made once and copied for each run, so that every run begins with the same pages on disk.
"""

import shutil
import signal
import sqlite3
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from bench.common import scratch
from bench.postgres import NoServerError, postgres_server


class Stores(ABC):
    """Makes and copies stores, which are known by URL. No other process may be connected to a store that is copied."""

    @abstractmethod
    def url(self, name: str) -> str:
        """Return the URL of the store of that name."""

    @abstractmethod
    def fresh(self, name: str) -> str:
        """Return the URL of an empty store, replacing an earlier one of that name."""

    @abstractmethod
    def copy(self, source: str, name: str) -> str:
        """Copy the store at the URL ``source``; return the URL of the copy."""

    @abstractmethod
    def settle(self, url: str) -> None:
        """Bring a store that has just been filled into the state in which a well-kept one is."""


class SqliteStores(Stores):
    """Files in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def url(self, name: str) -> str:
        return f"sqlite:///{self._folder / name}.db"

    def fresh(self, name: str) -> str:
        for stale in self._folder.glob(f"{name}.db*"):
            shutil.rmtree(stale) if stale.is_dir() else stale.unlink()
        return self.url(name)

    def copy(self, source: str, name: str) -> str:
        url = self.fresh(name)
        shutil.copy(sqlite_file(source), sqlite_file(url))
        return url

    def settle(self, url: str) -> None:
        """Write the log into the main file, so that it can be copied."""
        with closing(sqlite3.connect(sqlite_file(url))) as store:
            store.execute("PRAGMA wal_checkpoint(TRUNCATE)")


class PostgresStores(Stores):
    """Databases of the server at ``uri``."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        with psycopg.connect(uri) as connection:
            info = connection.info
            self._server = f"host={info.host}&port={info.port}"
            self._user = info.user

    def url(self, name: str) -> str:
        return f"postgresql://{self._user}@/{name}?{self._server}"

    def fresh(self, name: str) -> str:
        return self._create(name, sql.SQL(""))

    def copy(self, source: str, name: str) -> str:
        template = sql.Identifier(source.partition("@/")[2].partition("?")[0])
        return self._create(name, sql.SQL("TEMPLATE {} STRATEGY FILE_COPY").format(template))

    def _create(self, name: str, options: sql.Composable) -> str:
        with psycopg.connect(self._uri, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            connection.execute(sql.SQL("CREATE DATABASE {} {}").format(sql.Identifier(name), options))
        return self.url(name)

    def settle(self, url: str) -> None:
        """Put the rows of users in the order of their ids, with the room that the tables' settings leave on each page.

        Making a store updates every row several times at once, which would leave users in the order of their changes.
        """
        with psycopg.connect(url, autocommit=True) as connection:
            for table in ("user_state", "user_due"):
                connection.execute(sql.SQL("CLUSTER {0} USING {0}_pkey").format(sql.SQL(table)))
            connection.execute("VACUUM (ANALYZE)")
            connection.execute("CHECKPOINT")


@contextmanager
def stores(database: str) -> Iterator[Stores]:
    """Yield the stores of one kind of database; end the program, with a sentence, if its server cannot run here.

    A program that is terminated meanwhile still stops its server, and deletes its stores.
    """
    signal.signal(signal.SIGTERM, _end)
    if database == "sqlite":
        with scratch() as folder:
            yield SqliteStores(folder)
        return
    try:
        with postgres_server() as uri:
            yield PostgresStores(uri)
    except NoServerError as error:
        print(f"skipped: {error}", file=sys.stderr)
        raise SystemExit(0) from None


def _end(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def sqlite_file(url: str) -> Path:
    """Return the file of a SQLite store."""
    return Path(url.removeprefix("sqlite:///"))
