"""The base of fact sources: the program's own kinds and those that extensions add.

A kind defines everything about itself: its keys in ``rules/facts.toml``, how they are checked, its type, its SQL, when
time alone changes it, the facts it needs, and its text in ``habitue explain``.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from engine.conditions import Condition, TurningPoint
from engine.conditions.sql import NOW
from engine.content.document import Section
from engine.content.value_types import ValueType
from engine.content.values import span
from engine.store.dialects import Dialect
from engine.store.state_table import SqlType

if TYPE_CHECKING:
    from engine.facts.sources.declaration import Declaration

_SQL_TYPES: dict[ValueType, SqlType] = {
    ValueType.INTEGER: "BIGINT",
    ValueType.NUMBER: "DOUBLE PRECISION",
    ValueType.MONEY: "BIGINT",
    ValueType.TEXT: "TEXT",
    ValueType.BOOLEAN: "BOOLEAN",
    ValueType.INSTANT: "BIGINT",
    ValueType.DATE: "TEXT",
}


class FactSection(Section):
    """The keys that every fact has; a kind adds the key with its own name, and others that go with it."""

    type: ValueType | None = None
    description: str = ""


class Layer(Enum):
    """Where in the refresh a source's SQL is evaluated, and so which rows it can read."""

    EVENTS = "events"
    """An aggregate over ``event e``: the user's events up to now. All aggregates share one pass over them."""
    USER = "user"
    """A value for the user ``a.user_id``, whose row of ``users`` is ``u``."""
    FACTS = "facts"
    """A value computed from other facts, which are columns of ``s``: ``s.fact_<name>``."""


@dataclass(frozen=True, slots=True)
class SqlContext:
    """The context for which a source's SQL is generated."""

    dialect: Dialect
    several: bool = True
    """Whether the events can have different names, so that ``e.name`` has to be tested."""

    @property
    def now(self) -> str:
        """The tick's instant, in UTC milliseconds, as a bind with a definite type."""
        return NOW


@dataclass(frozen=True, slots=True)
class EventFilter:
    """The events of one name, of the last ``within`` milliseconds if given, for which ``where`` holds."""

    event: str
    within: int | None = None
    where: Condition | None = None

    def tests(self, context: SqlContext) -> list[str]:
        """Return the tests over ``event e`` that an event has to pass; none if all events that are read pass."""
        tests = [f"e.name = '{self.event}'"] if context.several else []
        if self.within is not None:
            tests.append(f"e.at > {context.now} - {self.within}")
        if self.where is not None:
            tests.append(self.where.sql(context.dialect))
        return tests

    def only(self, context: SqlContext) -> str:
        """Return the FILTER clause of an aggregate over these events."""
        tests = self.tests(context)
        return f" FILTER (WHERE {' AND '.join(tests)})" if tests else ""

    def words(self) -> str:
        """Return the filter as text after the event's name: `` in the last 30d where category = 'beauty'``."""
        within = "" if self.within is None else f" in the last {span(self.within)}"
        return within if self.where is None else f"{within} where {self.where.text}"


@dataclass(frozen=True)
class FactSource(ABC):
    """The source of one fact, after reading and checking. Sources with equal fields are equal."""

    type: ValueType
    """The fact's type. Averaged or computed money has fractions of the minor unit, other money is whole."""

    @property
    @abstractmethod
    def layer(self) -> Layer:
        """The layer in which ``sql`` and ``edge`` are evaluated."""

    @abstractmethod
    def sql(self, context: SqlContext) -> str:
        """Return SQL for the value as of ``context.now``; it must not fail for any user's data."""

    @abstractmethod
    def words(self) -> str:
        """Return a description of the source, for ``habitue explain``."""

    @property
    def sql_type(self) -> SqlType:
        """The type of the fact's column."""
        return _SQL_TYPES[self.type]

    @property
    def needs(self) -> frozenset[str]:
        """The facts from which it is computed; only a source in ``Layer.FACTS`` can have any."""
        return frozenset()

    @property
    def events(self) -> frozenset[str]:
        """The names of the events from which it is computed."""
        return frozenset()

    @property
    def attributes(self) -> Mapping[str, ValueType]:
        """The brand's own attributes that it reads, with the types that intake must use for them."""
        return {}

    @property
    def copies(self) -> str:
        """The attribute or column of ``users`` whose value it copies; empty if the value is computed."""
        return ""

    @property
    def windows(self) -> tuple[EventFilter, ...]:
        """Sliding windows over events: the value can change when an event leaves one."""
        return ()

    @property
    def turning_points(self) -> tuple[TurningPoint, ...]:
        """The turning points of expressions in it, at which time alone can change the value."""
        return ()

    @property
    def calibrated(self) -> bool:
        """Whether the value depends on cut points, which are computed over all users."""
        return False

    def edge(self, context: SqlContext) -> str | None:
        """Return SQL for the next instant after now at which time alone changes the value; None if there is none.

        ``windows`` and ``turning_points`` are handled without it. The SQL may be NULL, and may be earlier than the next
        change, but never later.
        """
        return None


def _mentions_nothing(_section: Any) -> frozenset[str]:  # noqa: ANN401 - a kind's own section
    return frozenset()


def _no_binds(_connection: Connection, _sources: Mapping[str, Any]) -> Mapping[str, float | None]:
    return {}


@dataclass(frozen=True, slots=True)
class FactSourceKind:
    """A kind of fact source, found by its key in a fact's table: ``count = "order_completed"``."""

    name: str
    """The key."""
    form: type[FactSection]
    """The form of such a fact, including the key ``name``."""
    read: Callable[[Any, "Declaration"], FactSource | None]
    """Makes the source from the section and its declaration; returns None if there are mistakes, which are noted."""
    mentions: Callable[[Any], frozenset[str]] = _mentions_nothing
    """Returns the words in a section that may be names of facts; called before any fact is read."""
    binds: Callable[[Connection, Mapping[str, Any]], Mapping[str, float | None]] = _no_binds
    """Returns the values of the binds in the SQL of all sources of this kind, besides ``:now``, given fact -> source."""
