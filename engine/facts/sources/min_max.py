"""``min = "event.property"`` and ``max = "event.property"``: the smallest and the largest value."""

from dataclasses import dataclass

from engine.conditions import Name
from engine.content.value_types import ValueType
from engine.facts.sources.base import EventFilter, FactSource, FactSourceKind, SqlContext
from engine.facts.sources.declaration import Declaration
from engine.facts.sources.events import ORDERED, EventFactSection, PropertySource, fits, read_property, type_of


class _MinForm(EventFactSection):
    min: str


class _MaxForm(EventFactSection):
    max: str


@dataclass(frozen=True)
class MinMax(PropertySource):
    """The smallest or largest value of a property."""

    which: str
    """``min`` or ``max``: the aggregate."""

    def sql(self, context: SqlContext) -> str:
        """Return the value; NULL without events. Dates are compared by code points."""
        value = self.value_sql(context)
        if self.type is ValueType.DATE:
            value = context.dialect.by_code_point(value)
        return f"{self.which}({value}){self.filter.only(context)}"

    def words(self) -> str:
        """Return ``largest order_completed.amount …``."""
        return f"{'smallest' if self.which == 'min' else 'largest'} {self.target}{self.filter.words()}"


def _read(which: str, section: EventFactSection, declaration: Declaration) -> FactSource | None:
    def make(events: EventFilter, key: str, value: Name) -> FactSource | None:
        if not fits(which, value.type, ORDERED, "compares numbers, money, instants and dates", declaration):
            return None
        return MinMax(type_of(value), events, key, value, which)

    return read_property(which, section, declaration, make)


def _read_min(section: _MinForm, declaration: Declaration) -> FactSource | None:
    return _read("min", section, declaration)


def _read_max(section: _MaxForm, declaration: Declaration) -> FactSource | None:
    return _read("max", section, declaration)


MIN = FactSourceKind("min", _MinForm, _read_min)
MAX = FactSourceKind("max", _MaxForm, _read_max)
