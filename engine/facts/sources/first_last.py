"""``first`` and ``last``: of an event its earliest or latest instant; of ``event.property`` that event's property."""

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
    """When the earliest or latest event was."""

    latest: bool

    def sql(self, context: SqlContext) -> str:
        """Return the instant; NULL without events."""
        return f"{'max' if self.latest else 'min'}(e.at){self.filter.only(context)}"

    def words(self) -> str:
        """Return ``when the latest order_completed was …``."""
        return f"when the {_which(self.latest)} {self.filter.event} was{self.filter.words()}"


@dataclass(frozen=True)
class FirstLastProperty(PropertySource):
    """A property of the earliest or latest event; of events at one instant the id decides."""

    latest: bool

    @property
    def layer(self) -> Layer:
        """Looked up for each user: an aggregate would carry all values of the property along."""
        return Layer.USER

    def sql(self, context: SqlContext) -> str:
        """Return the property; NULL without events.

        The id is found first, from the index alone: sorting whole events would read more of them than the one wanted.
        """
        way = "DESC" if self.latest else "ASC"
        tests = " AND ".join(self.filter.tests(SqlContext(context.dialect)))
        found = (
            f"SELECT e.id FROM event e WHERE e.user_id = a.user_id AND {tests} AND e.at <= {context.now}"
            f" ORDER BY e.at {way}, e.id {way} LIMIT 1"
        )
        return f"(SELECT {self.value_sql(context)} FROM event e WHERE e.id = ({found}))"

    def words(self) -> str:
        """Return ``category of the latest order_completed …``."""
        return f"{self.key} of the {_which(self.latest)} {self.filter.event}{self.filter.words()}"


def _which(latest: bool) -> str:
    return "latest" if latest else "earliest"


def _read(key: str, section: EventFactSection, around: Declaration) -> FactSource | None:
    latest, target = key == "last", str(getattr(section, key))
    if "." in target:

        def make(events: EventFilter, name: str, value: Name) -> FactSource:
            return FirstLastProperty(type_of(value), events, name, value, latest)

        return read_property(key, section, around, make)
    if not around.has_event(key, target):
        return None
    return FirstLastInstant(ValueType.INSTANT, event_filter(target, section, around), latest)


def _read_first(section: _FirstForm, around: Declaration) -> FactSource | None:
    return _read("first", section, around)


def _read_last(section: _LastForm, around: Declaration) -> FactSource | None:
    return _read("last", section, around)


FIRST = FactSourceKind("first", _FirstForm, _read_first)
LAST = FactSourceKind("last", _LastForm, _read_last)
