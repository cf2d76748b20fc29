"""``distinct = "event.property"``: how many different values there were."""

from dataclasses import dataclass
from functools import partial

from engine.content.value_types import ValueType
from engine.facts.sources.base import FactSource, FactSourceKind, SqlContext
from engine.facts.sources.declaration import Declaration
from engine.facts.sources.events import EventFactSection, PropertySource, read_property


class _DistinctForm(EventFactSection):
    distinct: str


@dataclass(frozen=True)
class Distinct(PropertySource):
    """The number of different values of a property."""

    def sql(self, context: SqlContext) -> str:
        """Return the count; 0 without events."""
        return f"count(DISTINCT {self.value_sql(context)}){self.filter.only(context)}"

    def words(self) -> str:
        """Return ``number of different order_completed.category …``."""
        return f"number of different {self.target}{self.filter.words()}"


def _read(section: _DistinctForm, declaration: Declaration) -> FactSource | None:
    return read_property("distinct", section, declaration, partial(Distinct, ValueType.INTEGER))


DISTINCT = FactSourceKind("distinct", _DistinctForm, _read)
