"""``first`` and ``last``: the instant of an event's earliest or latest occurrence, or a property of that occurrence."""

from dataclasses import dataclass

from engine.conditions import Name
from engine.content.value_types import ValueType
from engine.facts.sources.base import EventFilter, FactSource, FactSourceKind, Layer, SqlContext
from engine.facts.sources.declaration import Declaration
from engine.facts.sources.events import (
    EventFactSection,
    EventSource,
    PropertySource,
    event_filter,
    read_property,
    type_of,
)


class _FirstForm(EventFactSection):
    first: str


class _LastForm(EventFactSection):
    last: str


@dataclass(frozen=True)
class FirstLastInstant(EventSource):
    """The instant of the earliest or latest event."""

    latest: bool

    def sql(self, context: SqlContext) -> str:
        """Return the instant; NULL without events."""
        return f"{'max' if self.latest else 'min'}(e.at){self.filter.only(context)}"

    def words(self) -> str:
        """Return ``time of the latest order_completed …``."""
        return f"time of the {_which(self.latest)} {self.filter.event}{self.filter.words()}"


@dataclass(frozen=True)
class FirstLastProperty(PropertySource):
    """A property of the earliest or latest event; among events at the same instant, the id decides."""

    latest: bool

    @property
    def layer(self) -> Layer:
        """The layer of look-ups per user, because an aggregate would have to collect all values of the property."""
        return Layer.USER

    def sql(self, context: SqlContext) -> str:
        """Return the property; NULL without events."""
        way = "DESC" if self.latest else "ASC"
        tests = " AND ".join(self.filter.tests(SqlContext(context.dialect)))
        where, order = f"e.user_id = a.user_id AND {tests} AND e.at <= {context.now}", f"e.at {way}, e.id {way}"
        return context.dialect.of_first_row(self.value_sql(context), "event", "e", where, order)

    def words(self) -> str:
        """Return ``category of the latest order_completed …``."""
        return f"{self.key} of the {_which(self.latest)} {self.filter.event}{self.filter.words()}"


def _which(latest: bool) -> str:
    return "latest" if latest else "earliest"


def _read(key: str, section: EventFactSection, declaration: Declaration) -> FactSource | None:
    latest, target = key == "last", str(getattr(section, key))
    if "." in target:

        def make(events: EventFilter, name: str, value: Name) -> FactSource:
            return FirstLastProperty(type_of(value), events, name, value, latest)

        return read_property(key, section, declaration, make)
    if not declaration.has_event(key, target):
        return None
    return FirstLastInstant(ValueType.INSTANT, event_filter(target, section, declaration), latest)


def _read_first(section: _FirstForm, declaration: Declaration) -> FactSource | None:
    return _read("first", section, declaration)


def _read_last(section: _LastForm, declaration: Declaration) -> FactSource | None:
    return _read("last", section, declaration)


FIRST = FactSourceKind("first", _FirstForm, _read_first)
LAST = FactSourceKind("last", _LastForm, _read_last)
