"""The transactions of a tick: they hold the version of the files that it runs, so that nobody applies another meanwhile."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeVar

from sqlalchemy import Connection

from engine.content.versions import hold_version
from engine.store.database import Database, Order
from engine.store.dialects import Dialect
from engine.store.pace import Pace
from engine.store.sweep import current_sweep

Result = TypeVar("Result")
Seen = TypeVar("Seen")


class SweepOpened(Exception):
    """A sweep has been opened: conditions cannot be asked about users whom it has not reached."""


class HeldVersion:
    """The store, for stages that run one version of the files."""

    def __init__(self, database: Database, version: str) -> None:
        self._database = database
        self._version = version

    @property
    def version(self) -> str:
        """The version."""
        return self._version

    @property
    def dialect(self) -> Dialect:
        """The database's dialect."""
        return self._database.dialect

    def others_wait(self) -> bool:
        """Tell whether other writers wait for this one; see ``Database.others_wait``."""
        return self._database.others_wait()

    def pace(self, limit: int) -> Pace:
        """Return the pace of a stage whose chunks have up to ``limit`` rows."""
        return Pace(limit, self._database.longest_chunk)

    def read(self) -> AbstractContextManager[Connection]:
        """Open a read-only transaction; see ``Database.read``."""
        return self._database.read()

    def in_transaction(self, work: Callable[[Connection], Result]) -> Result:
        """Do ``work`` as ``Database.in_transaction`` does, while the version is kept from being replaced.

        Raises:
            VersionReplaced: another version is running.
        """

        def held(connection: Connection) -> Result:
            hold_version(connection, self._version)
            return work(connection)

        return self._database.in_transaction(held)

    def look_then_write(
        self, look: Callable[[Connection], Seen], write: Callable[[Connection, Seen], Result], order: Order
    ) -> Result:
        """Do both as ``Database.look_then_write`` does; the version is kept from being replaced while writing.

        Raises:
            VersionReplaced: another version is running.
        """

        def held_look(connection: Connection) -> Seen:
            hold_version(connection, self._version)
            return look(connection)

        def held_write(connection: Connection, seen: Seen) -> Result:
            hold_version(connection, self._version)
            return write(connection, seen)

        return self._database.look_then_write(held_look, held_write, order)


class SweptVersion(HeldVersion):
    """The same, for stages that ask conditions about users: no sweep may be open."""

    def in_transaction(self, work: Callable[[Connection], Result]) -> Result:
        """Do ``work`` in a transaction.

        Raises:
            SweepOpened: a sweep is open.
            VersionReplaced: another version is running.
        """

        def swept(connection: Connection) -> Result:
            if current_sweep(connection) is not None:
                raise SweepOpened
            return work(connection)

        return super().in_transaction(swept)
