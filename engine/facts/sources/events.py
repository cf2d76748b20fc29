"""What the sources that are made from events have in common: ``within``, ``where``, and ``event.property``."""

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
    """The keys that narrow events."""

    within: Duration | None = None
    where: str | None = None


@dataclass(frozen=True)
class EventSource(FactSource):
    """Made from the events that pass a filter."""

    filter: EventFilter

    @property
    def layer(self) -> Layer:
        """One of the aggregates that share a pass over the events."""
        return Layer.EVENTS

    @property
    def events(self) -> frozenset[str]:
        """The one event."""
        return frozenset({self.filter.event})

    @property
    def windows(self) -> tuple[EventFilter, ...]:
        """The filter, where it has a window."""
        return (self.filter,) if self.filter.within is not None else ()


@dataclass(frozen=True)
class PropertySource(EventSource):
    """Made from one property of the events that pass a filter."""

    key: str
    """The property's name."""
    value: Name
    """The property over ``event e``."""

    @property
    def target(self) -> str:
        """``event.property``."""
        return f"{self.filter.event}.{self.key}"

    def value_sql(self, context: SqlContext) -> str:
        """Return SQL for the property over ``event e``."""
        return self.value.sql(context.dialect)


MakeSource = Callable[[EventFilter, str, Name], FactSource | None]


def read_property(key: str, section: EventFactSection, around: Declaration, make: MakeSource) -> FactSource | None:
    """Read a source made from ``event.property``; ``make`` gets the filter, the property's name and its SQL."""
    target = str(getattr(section, key))
    event, dot, name = target.partition(".")
    if not around.has_event(key, event):
        return None
    properties = around.events[event]
    if not dot:
        example = next(iter(properties), "amount")
        around.mistake(key, f"`{key}` is made of an event's property: write `{event}.{example}`")
        return None
    if name not in properties:
        around.mistake(key, f"`{key}`: event `{event}` has no property `{name}`{did_you_mean(name, properties)}")
        return None
    return make(event_filter(event, section, around), name, around.event_scope(event).names[name])


def fits(key: str, kind: object, takes: frozenset[ValueType], what: str, around: Declaration) -> bool:
    """Tell whether a source takes a property of this type; where it does not, note ``what`` it does."""
    if kind in takes:
        return True
    around.mistake(key, f"`{key}` {what}; the property is {kind}")
    return False


def event_filter(event: str, section: EventFactSection, around: Declaration) -> EventFilter:
    """Return the filter that ``within`` and ``where`` say; their mistakes are noted."""
    if section.within == 0:
        around.mistake("within", "`within` is an empty window: write how far back it goes, as in `90d`")
    where = None if section.where is None else _where(section.where, event, around)
    return EventFilter(event, section.within, where)


def _where(text: str, event: str, around: Declaration) -> Condition | None:
    condition = around.condition("where", text, around.event_scope(event))
    if condition is not None and condition.turning_points():
        around.mistake("where", "`where` must not depend on the present: use `within`, or compare with a fixed instant")
    return condition


def type_of(value: Name) -> ValueType:
    """Return the type of an event's property."""
    kind: Any = value.type
    return ValueType(kind)
