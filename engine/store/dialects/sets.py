"""The part of the port for set-wise statements: rows from Python, temporary tables, bulk inserts, locks."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from engine.store.statement import statement

ColumnType = Literal["BIGINT", "TEXT"]
LoadedType = Literal["BIGINT", "TEXT", "JSON"]


@dataclass(frozen=True, slots=True)
class Load:
    """A bulk insert into a table, of those rows whose key the table does not contain yet."""

    table: str
    key: str
    """The unique column that tells whether a row exists."""
    columns: Mapping[str, LoadedType]
    """Column -> type, in the order of the values in each row; includes ``key``."""
    noted: tuple[str, ...]
    """The columns that ``note`` reads."""
    note: Callable[[str], str]
    """From the SQL after FROM that yields the inserted rows, to a statement that records what is needed about them."""


class Sets(ABC):
    """SQL for sets of rows, and the locks on them."""

    @property
    @abstractmethod
    def key_type(self) -> str:
        """The type of an integer primary key of a temporary table that makes look-ups fastest; at least 64 bits."""

    @abstractmethod
    def rows(self, parameter: str, columns: Mapping[str, ColumnType]) -> str:
        """Return a derived table with ``columns``, read from the bind ``:parameter``: a JSON list with a list per row."""

    @abstractmethod
    def elements(self, parameter: str) -> str:
        """Return a table ``k(value)`` for a FROM clause: the elements, as text, of the JSON list in ``:parameter``."""

    def among(self, query: str) -> str:
        """Return the right side of a test whether a column's value is among the few that ``query`` selects.

        The column's index is used, however many rows the database expects of ``query``.
        """
        return f"IN ({query})"

    def of_first_row(self, value: str, table: str, alias: str, where: str, order: str) -> str:
        """Return a subquery for ``value`` in the first row of ``table``, by ``order``, for which ``where`` holds.

        These are SQL over ``alias``. The table has a key ``id``.
        """
        return f"(SELECT {value} FROM {table} {alias} WHERE {where} ORDER BY {order} LIMIT 1)"

    def not_among(self, value: str, query: str) -> str:
        """Return a test that ``value`` is none of the values of ``query``, a SELECT of one column that is never NULL.

        ``query`` is read once, however many rows are tested.
        """
        return f"{value} NOT IN ({query})"

    @abstractmethod
    def create_temporary(self, name: str, columns: str, *, clustered: bool) -> str:
        """Return a statement that creates a temporary table, which is used in this transaction only.

        ``clustered``: rows are looked up by a primary key that is not a single integer.
        """

    @abstractmethod
    def analyse_temporary(self, name: str, columns: Sequence[str] = ()) -> str:
        """Return a statement that tells the planner how large a temporary table is, and what is in its ``columns``.

        Without ``columns``, all are looked at.
        """

    @abstractmethod
    def insert_new(self, connection: Connection, load: Load, rows: Sequence[tuple[object, ...]]) -> int:
        """Insert those of ``rows`` whose key does not exist yet, and run ``load.note`` for them; return their number.

        Their ids follow the order of ``rows``. Of two transactions with the same rows, one waits for the other.
        """

    # Locks. If the database allows only one writing transaction at a time, these are empty or do nothing.

    @abstractmethod
    def lock(self, alias: str) -> str:
        """Return the clause that makes a SELECT lock the rows of ``alias``, waiting for other transactions' locks.

        It follows ORDER BY: rows are always locked in the same order, which prevents deadlocks.
        """

    @abstractmethod
    def lock_free(self, alias: str = "") -> str:
        """Return the clause that makes a SELECT lock its rows, or those of ``alias``, and skip rows that others locked.

        Such a statement never waits, so it may take rows in any order.
        """

    @abstractmethod
    def among_free(self, query: str) -> str:
        """Return the right side of a test whether a column's value is among those that ``query`` selects.

        ``query`` runs once; its rows are locked, and rows locked by other transactions are skipped.
        """

    @abstractmethod
    def lock_table(self, connection: Connection, table: str) -> None:
        """Make this transaction the only one that writes to ``table`` until it ends; waits for current writers."""

    @abstractmethod
    def share_table(self, connection: Connection, table: str) -> None:
        """Keep ``lock_table`` of other transactions waiting until this one ends; any number share the table at a time."""

    @abstractmethod
    def take_turns(self, connection: Connection, key: int) -> None:
        """Wait until no other transaction has called this with ``key``; others then wait for this one to end."""

    def where_locked(self, table: str, alias: str, key: str, condition: str) -> str:
        """Return the WHERE condition of an UPDATE of ``table AS alias``: ``condition``, but rows are locked in order first.

        ``key`` is the primary key. An UPDATE alone locks in any order; and after a separate statement that locks, rows
        that have come to meet the condition meanwhile would be locked out of order.
        """
        return condition

    def lock_selected(
        self, connection: Connection, query: str, alias: str, binds: Mapping[str, object] | None = None
    ) -> None:
        """Lock the rows of ``alias`` that ``query``, a SELECT with ORDER BY, selects, if the database has row locks.

        The rows are counted, not fetched. ``query`` may have binds.
        """
        if locking := self.lock(alias):
            connection.execute(statement(f"SELECT count(*) FROM ({query}{locking}) AS locked"), binds or {})
