"""The part of the port about the database as a whole: its URL, opening it, its schema, and what its errors mean."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, TextClause
from sqlalchemy.types import TypeEngine

from engine.store.dialects.fault import Fault


class Opening(ABC):
    """Opens a database, and knows what is its own about tables and errors."""

    @property
    @abstractmethod
    def example(self) -> str:
        """What ``store.url`` looks like, for whoever wrote something else."""

    @property
    @abstractmethod
    def shown_options(self) -> frozenset[str]:
        """The options of a URL that may be shown; any other may be a secret, or lead to one."""

    @property
    @abstractmethod
    def snapshot(self) -> Mapping[str, Any]:
        """The execution options of a transaction in which all statements see what was committed before it began."""

    @abstractmethod
    def open(self, url: URL) -> Engine:
        """Return the engine of ``url``, whose errors do not show parameters; nothing is connected yet.

        A transaction whose execution options have ``habitue_writes`` may write, and must not fail half-way because
        another began to write first.

        Raises:
            StoreError: a worker cannot use such a URL; says why.
        """

    @abstractmethod
    def file(self, url: URL) -> Path | None:
        """Return the file that is the database and is made where it is missing; None where a server has it."""

    @abstractmethod
    def columns(self, connection: Connection, table: str) -> Mapping[str, str]:
        """Return name -> type, in upper case, of the columns of ``table`` in their order; none where it is not there."""

    @abstractmethod
    def estimated_rows(self, connection: Connection, table: str) -> int | None:
        """Return about how many rows ``table`` has, without looking at them; None where nothing is known."""

    @property
    @abstractmethod
    def json_type(self) -> TypeEngine[Any]:
        """The type of JSON columns; Python's None is NULL."""

    @property
    @abstractmethod
    def row_id_type(self) -> TypeEngine[int]:
        """The type of a primary key of 64 bits that the database numbers itself."""

    @abstractmethod
    def partial_index(self, where: TextClause) -> Mapping[str, Any]:
        """Return the options of an ``Index`` over those rows alone for which ``where`` holds."""

    @abstractmethod
    def fault_of(self, error: BaseException, connection: Connection, statement: str | None) -> Fault:
        """Return what ``error`` of the driver, raised by ``statement``, means.

        ``connection`` still has to be in the transaction that failed.
        """

    @abstractmethod
    def fault_of_connecting(self, error: BaseException) -> Fault:
        """Return what ``error`` of the driver, raised because no connection came about, means."""

    @abstractmethod
    def code_of(self, error: BaseException) -> str | None:
        """Return the database's own code for ``error``; None where it has none."""
