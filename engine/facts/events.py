"""Which events a refresh reads, and when time alone changes the facts computed from them.

The statement with the aggregates joins events with ``e.at <= :now``. A user's events are one range of the index
``event_of_user``, and those with one name are a part of that range.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.facts.model import FactCatalog
from engine.facts.sources.base import EventFilter, SqlContext


@dataclass(frozen=True, slots=True)
class EventRange:
    """The events that a refresh reads.

    A seek in the index costs as much as reading a dozen rows. So if facts use one name, or few of those declared, there
    is a seek for each name; otherwise all events of the user are read at once, and each fact selects its own.
    """

    used: tuple[str, ...]
    """The names that facts use."""
    declared: tuple[str, ...]

    @classmethod
    def of(cls, catalog: FactCatalog) -> "EventRange":
        """Return the range that the facts of ``catalog`` need."""
        used = {event: None for fact in catalog.facts.values() for event in sorted(fact.source.events)}
        return cls(tuple(used), tuple(catalog.events))

    @property
    def seeks(self) -> bool:
        """Tell whether there is a seek for each name."""
        return len(self.used) == 1 or 2 * len(self.used) <= len(self.declared)

    @property
    def several(self) -> bool:
        """Tell whether aggregates have to test the names of events."""
        return not self.seeks or len(self.used) > 1

    def used_sql(self) -> str:
        """Return SQL, to append to other tests: facts use the event."""
        return f" AND e.name IN ({_quoted(self.used)})" if self.seeks else ""

    def declared_sql(self) -> str:
        """Return SQL, to append to other tests: the event is declared."""
        return f" AND e.name IN ({_quoted(self.declared)})" if self.seeks else ""


def _quoted(events: Sequence[str]) -> str:
    return ", ".join(f"'{event}'" for event in events)


def window_edge_sql(windows: Sequence[EventFilter], context: SqlContext) -> str | None:
    """Return the aggregate for the earliest instant at which an event leaves a window; None if there are no windows.

    An event counts while ``now < at + within``. Only the shortest window that still contains an event matters, so one
    CASE with ascending windows covers all facts.
    """
    if not windows:
        return None
    windows = sorted(windows, key=_shortest_and_widest)
    cases = " ".join(
        f"WHEN '{event}' THEN CASE {' '.join(_branches([one for one in windows if one.event == event], context))} END"
        for event in dict.fromkeys(window.event for window in windows)
    )
    widest = max(window.within or 0 for window in windows)
    return f"min(CASE e.name {cases} END) FILTER (WHERE e.at > {context.now} - {widest})"


def _shortest_and_widest(window: EventFilter) -> tuple[int, bool]:
    return (window.within or 0, window.where is not None)


def _branches(windows: Sequence[EventFilter], context: SqlContext) -> list[str]:
    alone = SqlContext(context.dialect, several=False)
    branches: dict[str, None] = {}
    covered = -1
    for window in windows:
        within = window.within or 0
        if within == covered:
            continue  # the same window without `where` already has every edge of this one
        covered = within if window.where is None else covered
        branches[f"WHEN {' AND '.join(window.tests(alone))} THEN e.at + {within}"] = None
    return list(branches)


def next_event_sql(events: EventRange, context: SqlContext) -> str:
    """Return a subquery for the instant of the next future event of ``a.user_id``, of any declared name."""
    if not events.declared:
        return "CAST(NULL AS BIGINT)"
    return (
        f"(SELECT min(e.at) FROM event e WHERE e.user_id = a.user_id{events.declared_sql()} AND e.at > {context.now})"
    )
