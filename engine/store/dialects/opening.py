"""The part of the port for the database as a whole: URL, connections, schema, and what its errors mean."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, TextClause
from sqlalchemy.types import TypeEngine

from engine.store.dialects.fault import Fault
from engine.store.dialects.turns import Turns


class Opening(ABC):
    """Opens a database, and knows its types, indexes and errors."""

    @property
    @abstractmethod
    def example(self) -> str:
        """An example of ``store.url``, shown if the URL is not one of a supported database."""

    @property
    @abstractmethod
    def shown_options(self) -> frozenset[str]:
        """URL options that may be shown; any other may be a secret or reveal one."""

    @property
    @abstractmethod
    def snapshot(self) -> Mapping[str, Any]:
        """Execution options of a transaction whose statements all see the same snapshot."""

    @abstractmethod
    def open(self, url: URL) -> Engine:
        """Return an engine for ``url``, without connecting; its errors must not show parameters.

        A transaction with the execution option ``habitue_writes`` writes. It must not fail half-way because another
        transaction started to write first. If it has the option ``habitue_durable``, too, a power cut takes back neither
        it nor anything that was committed before it.

        Raises:
            StoreError: a worker cannot use this URL; the message says why.
        """

    @abstractmethod
    def file(self, url: URL) -> Path | None:
        """Return the database's file, which is created if it is missing; None if the database is not a file of ours."""

    def turns(self, url: URL) -> Turns:
        """Return the queue of those who write to the database of ``url``; by default there is none."""
        return Turns()

    @abstractmethod
    def columns(self, connection: Connection, table: str) -> Mapping[str, str]:
        """Return name -> type, in upper case, of the columns of ``table``, in order; empty if there is no such table."""

    @abstractmethod
    def estimated_rows(self, connection: Connection, table: str) -> int | None:
        """Return roughly how many rows ``table`` has, without reading it; None if that is not known."""

    @property
    @abstractmethod
    def json_type(self) -> TypeEngine[Any]:
        """The type of JSON columns; Python's None is stored as NULL."""

    @property
    @abstractmethod
    def row_id_type(self) -> TypeEngine[int]:
        """The type of a 64-bit primary key that the database assigns."""

    @abstractmethod
    def partial_index(self, where: TextClause) -> Mapping[str, Any]:
        """Return the options of an ``Index`` that contains only rows for which ``where`` holds."""

    @abstractmethod
    def fault_of(self, error: BaseException, connection: Connection, statement: str | None) -> Fault:
        """Return the fault behind the driver's ``error``, which ``statement`` raised.

        ``connection`` must still be in the transaction that failed.
        """

    @abstractmethod
    def fault_of_connecting(self, error: BaseException) -> Fault:
        """Return the fault behind the driver's ``error``, which was raised by an attempt to connect."""

    @abstractmethod
    def code_of(self, error: BaseException) -> str | None:
        """Return the database's own code for ``error``; None if there is none."""
