"""``sum = "event.property"``: the total of a number or an amount."""

from dataclasses import dataclass

from engine.conditions import Name
from engine.content.value_types import ValueType
from engine.facts.sources.base import EventFilter, FactSource, FactSourceKind, SqlContext
from engine.facts.sources.declaration import Declaration
from engine.facts.sources.events import QUANTITIES, EventFactSection, PropertySource, fits, read_property, type_of


class _SumForm(EventFactSection):
    sum: str


@dataclass(frozen=True)
class Sum(PropertySource):
    """The sum of a property."""

    def sql(self, context: SqlContext) -> str:
        """Return the sum; 0 without events. Whole numbers are summed as integers, so money never becomes a double."""
        total = f"sum({self.value_sql(context)}){self.filter.only(context)}"
        if self.type is ValueType.NUMBER:
            return f"coalesce({total}, 0.0)"
        return f"CAST(coalesce({total}, 0) AS BIGINT)"

    def words(self) -> str:
        """Return ``sum of order_completed.amount …``."""
        return f"sum of {self.target}{self.filter.words()}"


def _read(section: _SumForm, declaration: Declaration) -> FactSource | None:
    def make(events: EventFilter, key: str, value: Name) -> FactSource | None:
        if not fits("sum", value.type, QUANTITIES, "adds up numbers and money", declaration):
            return None
        return Sum(type_of(value), events, key, value)

    return read_property("sum", section, declaration, make)


SUM = FactSourceKind("sum", _SumForm, _read)
