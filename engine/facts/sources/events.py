"""The common base of sources computed from events: ``within``, ``where``, and ``event.property``."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.conditions import Condition, Name
from engine.content.findings import did_you_mean
from engine.content.value_types import ValueType
from engine.content.values import Duration
from engine.facts.sources.base import EventFilter, FactSection, FactSource, Layer, SqlContext
from engine.facts.sources.declaration import Declaration

QUANTITIES = frozenset({ValueType.INTEGER, ValueType.NUMBER, ValueType.MONEY})
ORDERED = QUANTITIES | {ValueType.INSTANT, ValueType.DATE}


class EventFactSection(FactSection):
    """The keys that filter events."""

    within: Duration | None = None
    where: str | None = None


@dataclass(frozen=True)
class EventSource(FactSource):
    """A source computed from the events that pass a filter."""

    filter: EventFilter

    @property
    def layer(self) -> Layer:
        """The layer of aggregates, which share one pass over the events."""
        return Layer.EVENTS

    @property
    def events(self) -> frozenset[str]:
        """The one event."""
        return frozenset({self.filter.event})

    @property
    def windows(self) -> tuple[EventFilter, ...]:
        """The filter, if it has a window."""
        return (self.filter,) if self.filter.within is not None else ()


@dataclass(frozen=True)
class PropertySource(EventSource):
    """A source computed from one property of the events that pass a filter."""

    key: str
    """The property's name."""
    value: Name
    """The property as a name over ``event e``."""

    @property
    def target(self) -> str:
        """``event.property``."""
        return f"{self.filter.event}.{self.key}"

    def value_sql(self, context: SqlContext) -> str:
        """Return SQL for the property over ``event e``."""
        return self.value.sql(context.dialect)


MakeSource = Callable[[EventFilter, str, Name], FactSource | None]


def read_property(key: str, section: EventFactSection, declaration: Declaration, make: MakeSource) -> FactSource | None:
    """Read a source of ``event.property``; ``make`` gets the filter, the property's name and its SQL."""
    target = str(getattr(section, key))
    event, dot, name = target.partition(".")
    if not declaration.has_event(key, event):
        return None
    properties = declaration.events[event]
    if not dot:
        example = next(iter(properties), "amount")
        declaration.mistake(key, f"`{key}` needs a property of an event: write `{event}.{example}`")
        return None
    if name not in properties:
        declaration.mistake(key, f"`{key}`: event `{event}` has no property `{name}`{did_you_mean(name, properties)}")
        return None
    return make(event_filter(event, section, declaration), name, declaration.event_scope(event).names[name])


def fits(key: str, kind: object, takes: frozenset[ValueType], what: str, declaration: Declaration) -> bool:
    """Tell whether a source accepts a property of this type; if not, note a mistake saying ``what`` it does."""
    if kind in takes:
        return True
    declaration.mistake(key, f"`{key}` {what}; the property is of type {kind}")
    return False


def event_filter(event: str, section: EventFactSection, declaration: Declaration) -> EventFilter:
    """Return the filter from ``within`` and ``where``; their mistakes are noted."""
    if section.within == 0:
        declaration.mistake("within", "`within` is an empty window: write how far back it goes, such as `90d`")
    where = None if section.where is None else _where(section.where, event, declaration)
    return EventFilter(event, section.within, where)


def _where(text: str, event: str, declaration: Declaration) -> Condition | None:
    condition = declaration.condition("where", text, declaration.event_scope(event))
    if condition is not None and condition.turning_points():
        declaration.mistake(
            "where", "`where` must not depend on the current time: use `within`, or compare with a fixed date"
        )
    return condition


def type_of(value: Name) -> ValueType:
    """Return the type of an event's property."""
    kind: Any = value.type
    return ValueType(kind)
