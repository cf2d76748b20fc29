"""Which events a refresh reads, and when time alone changes what is made from them.

The statement that the aggregates stand in joins events with ``e.at <= :now``: a user's are one range of the
index ``event_of_user``, and those of one name are a part of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.facts.model import FactCatalog
from engine.facts.sources.base import EventFilter, SqlContext


@dataclass(frozen=True, slots=True)
class EventRange:
    """Which events a refresh reads.

    A seek in the index costs as much as a dozen rows of it. So where facts use one name, or few of those declared,
    each name is sought; otherwise all events of the user are read at once, and the facts pick theirs.
    """

    used: tuple[str, ...]
    """The names that facts use."""
    declared: tuple[str, ...]

    @classmethod
    def of(cls, catalog: FactCatalog) -> "EventRange":
        """Return what the facts of ``catalog`` need."""
        used = {event: None for fact in catalog.facts.values() for event in sorted(fact.source.events)}
        return cls(tuple(used), tuple(catalog.events))

    @property
    def seeks(self) -> bool:
        """Tell whether each name is sought."""
        return len(self.used) == 1 or 2 * len(self.used) <= len(self.declared)

    @property
    def several(self) -> bool:
        """Tell whether an aggregate has to look at the name of an event."""
        return not self.seeks or len(self.used) > 1

    def used_sql(self) -> str:
        """Return the test that an event is read for facts, to follow others."""
        return f" AND e.name IN ({_quoted(self.used)})" if self.seeks else ""

    def declared_sql(self) -> str:
        """Return the test that an event can matter to anything, to follow others."""
        return f" AND e.name IN ({_quoted(self.declared)})" if self.seeks else ""


def _quoted(events: Sequence[str]) -> str:
    return ", ".join(f"'{event}'" for event in events)


def window_edge_sql(windows: Sequence[EventFilter], context: SqlContext) -> str | None:
    """Return the aggregate for the earliest instant at which an event leaves a window; None without windows.

    An event counts while ``now < at + within``. Of one event the shortest window that it is still in matters, so one
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
            continue  # the same window without a `where` has every edge that this one has
        covered = within if window.where is None else covered
        branches[f"WHEN {' AND '.join(window.tests(alone))} THEN e.at + {within}"] = None
    return list(branches)


def next_event_sql(events: EventRange, context: SqlContext) -> str:
    """Return a subquery for the instant of the next event of ``a.user_id`` that has not happened yet, of any name."""
    if not events.declared:
        return "CAST(NULL AS BIGINT)"
    return (
        f"(SELECT min(e.at) FROM event e WHERE e.user_id = a.user_id{events.declared_sql()} AND e.at > {context.now})"
    )
