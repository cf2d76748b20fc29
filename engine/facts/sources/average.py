"""``average = "event.property"``: the mean of a number or an amount."""

from dataclasses import dataclass

from engine.conditions import Name
from engine.content.value_types import ValueType
from engine.facts.sources.base import EventFilter, FactSource, FactSourceKind, SqlContext
from engine.facts.sources.declaration import Declaration
from engine.facts.sources.events import QUANTITIES, EventFactSection, PropertySource, fits, read_property
from engine.store.state_table import SqlType


class _AverageForm(EventFactSection):
    average: str


@dataclass(frozen=True)
class Average(PropertySource):
    """The average of a property."""

    @property
    def sql_type(self) -> SqlType:
        """A double, because averages have fractions, even those of money."""
        return "DOUBLE PRECISION"

    def sql(self, context: SqlContext) -> str:
        """Return the average; NULL without events. Not ``avg``, whose type differs between databases."""
        value, only = self.value_sql(context), self.filter.only(context)
        return f"CAST(sum({value}){only} AS DOUBLE PRECISION) / nullif(count({value}){only}, 0)"

    def words(self) -> str:
        """Return ``average of order_completed.amount …``."""
        return f"average of {self.target}{self.filter.words()}"


def _read(section: _AverageForm, declaration: Declaration) -> FactSource | None:
    def make(events: EventFilter, key: str, value: Name) -> FactSource | None:
        if not fits("average", value.type, QUANTITIES, "averages numbers and money", declaration):
            return None
        kind = ValueType.MONEY if value.type is ValueType.MONEY else ValueType.NUMBER
        return Average(kind, events, key, value)

    return read_property("average", section, declaration, make)


AVERAGE = FactSourceKind("average", _AverageForm, _read)
