"""``count = "event"``: how many events there were."""

from dataclasses import dataclass

from engine.content.value_types import ValueType
from engine.facts.sources.base import FactSource, FactSourceKind, SqlContext
from engine.facts.sources.declaration import Declaration
from engine.facts.sources.events import EventFactSection, EventSource, event_filter


class _CountForm(EventFactSection):
    count: str


@dataclass(frozen=True)
class Count(EventSource):
    """The number of events."""

    def sql(self, context: SqlContext) -> str:
        """Return the count; 0 without events."""
        return f"count(e.at){self.filter.only(context)}"

    def words(self) -> str:
        """Return ``number of order_completed …``."""
        return f"number of {self.filter.event}{self.filter.words()}"


def _read(section: _CountForm, declaration: Declaration) -> FactSource | None:
    event, dot, _ = section.count.partition(".")
    if not declaration.has_event("count", event):
        return None
    if dot:
        instead = f'`distinct = "{section.count}"` for different values'
        declaration.mistake("count", f"`count` counts events: write `{event}`, or {instead}")
        return None
    return Count(ValueType.INTEGER, event_filter(event, section, declaration))


COUNT = FactSourceKind("count", _CountForm, _read)
