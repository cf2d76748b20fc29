"""The part of the port that set-wise statements are made of: rows from Python, temporary tables, locks."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, text

ColumnType = Literal["BIGINT", "TEXT"]
LoadedType = Literal["BIGINT", "TEXT", "JSON"]


@dataclass(frozen=True, slots=True)
class Load:
    """A table that rows are added to in large numbers, where their key is not there yet."""

    table: str
    key: str
    """Its unique column that decides whether a row is there."""
    columns: Mapping[str, LoadedType]
    """What each row holds, ``key`` included, in order."""
    noted: tuple[str, ...]
    """The columns that ``note`` reads."""
    note: Callable[[str], str]
    """From what follows FROM, to a statement that keeps what is to be known of the rows that were added."""


class Sets(ABC):
    """SQL for sets of rows, and who may touch them."""

    @property
    @abstractmethod
    def key_type(self) -> str:
        """The type of a 64-bit integer that is a temporary table's primary key, where it is looked up fastest."""

    @abstractmethod
    def rows(self, parameter: str, columns: Mapping[str, ColumnType]) -> str:
        """Return a derived table over the parameter ``:parameter``: a JSON list of lists, one a row."""

    @abstractmethod
    def elements(self, parameter: str) -> str:
        """Return a table ``k(value)`` for a FROM clause: the elements, as text, of the JSON list ``:parameter``."""

    @abstractmethod
    def create_temporary(self, name: str, columns: str, *, clustered: bool) -> str:
        """Return a statement that makes a temporary table. Nothing reads it after the transaction.

        ``clustered``: rows are looked up by a primary key that is more than one integer.
        """

    @abstractmethod
    def analyse_temporary(self, name: str) -> str:
        """Return a statement that tells the planner how large a temporary table is."""

    @abstractmethod
    def insert_new(self, connection: Connection, load: Load, rows: Sequence[tuple[object, ...]]) -> int:
        """Add those of ``rows`` whose key is not there, and note them; return how many.

        They are numbered in their order. Two transactions that add the same rows wait for each other.
        """

    # Each is empty, or does nothing, where the database lets one transaction write at a time.

    @abstractmethod
    def lock(self, alias: str) -> str:
        """Return the end of a SELECT that locks the rows of ``alias``, and waits for those locked by others.

        It follows ORDER BY: all lock in one order, so that none waits for one who waits for it.
        """

    @abstractmethod
    def lock_free(self) -> str:
        """Return the end of a SELECT that locks its rows, and passes over those locked by others."""

    @abstractmethod
    def among_free(self, query: str) -> str:
        """Return what follows a column in a test that ``query``, run once, picks its value.

        It locks the rows of ``query``, and passes over those locked by others.
        """

    @abstractmethod
    def lock_table(self, connection: Connection, table: str) -> None:
        """Make all others that would write to ``table`` wait until this transaction ends; wait for those who do."""

    @abstractmethod
    def take_turns(self, connection: Connection, key: int) -> None:
        """Wait for all others that have taken turns under ``key`` until their transactions ended."""

    def lock_selected(self, connection: Connection, query: str, alias: str) -> None:
        """Lock the rows of ``alias`` in ``query``, a SELECT with ORDER BY, where there is such a lock."""
        if locking := self.lock(alias):
            connection.execute(text(query + locking))
