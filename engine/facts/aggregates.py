"""Aggregates of events as SQL over ``event e``, one pass over the events of each user.

The statement that they stand in joins events with ``e.at <= :now``: those of a user are one range of the index
``event_of_user``, those of one name a part of it. See ``Reading`` for how much of the range is read.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.content.kinds import FactType
from engine.facts.model import Fact, FactCatalog
from engine.store.dialect import Dialect


def aggregated(catalog: FactCatalog) -> list[Fact]:
    """Return the facts that are aggregates, without those that ``latest_sql`` looks up."""
    return [fact for fact in catalog.facts.values() if fact.event is not None and not _looked_up(fact)]


def looked_up(catalog: FactCatalog) -> list[Fact]:
    """Return the facts that are a property of the first or last event."""
    return [fact for fact in catalog.facts.values() if _looked_up(fact)]


def _looked_up(fact: Fact) -> bool:
    return fact.source in {"first", "last"} and fact.of is not None


def now_sql(dialect: Dialect) -> str:
    """Return the tick's instant as a bind of a definite type."""
    return ":now" if dialect is Dialect.SQLITE else "CAST(:now AS BIGINT)"


@dataclass(frozen=True, slots=True)
class Reading:
    """Which events a refresh reads.

    A seek in the index costs as much as a dozen rows of it. So where facts use one name, or few of those declared,
    each name is sought; otherwise all events of the user are read at once, and the facts pick theirs.
    """

    used: tuple[str, ...]
    """The names that facts use."""
    declared: tuple[str, ...]

    @classmethod
    def of(cls, catalog: FactCatalog) -> "Reading":
        """Return what the facts of ``catalog`` need."""
        used = dict.fromkeys(fact.event for fact in catalog.facts.values() if fact.event is not None)
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


def aggregate_sql(fact: Fact, catalog: FactCatalog, dialect: Dialect, *, several: bool) -> str:
    """Return the aggregate of one fact; ``several`` tells whether events of more than one name are joined."""
    tests = _tests(fact, dialect, several=several)
    only = f" FILTER (WHERE {' AND '.join(tests)})" if tests else ""
    source = fact.source
    if fact.of is None:
        return {
            "count": f"count(e.at){only}",
            "first": f"min(e.at){only}",
            "last": f"max(e.at){only}",
        }[source]
    value = catalog.property_sql(fact, dialect)
    if source == "sum":
        return _sum(fact, value, only, dialect)
    if source == "average":
        real = "REAL" if dialect is Dialect.SQLITE else "DOUBLE PRECISION"
        return f"CAST(sum({value}){only} AS {real}) / nullif(count({value}){only}, 0)"
    if source == "distinct":
        return f"count(DISTINCT {value}){only}"
    if fact.type is FactType.DATE and dialect is Dialect.POSTGRES:
        value = f'{value} COLLATE "C"'
    return f"{source}({value}){only}"


def _sum(fact: Fact, value: str, only: str, dialect: Dialect) -> str:
    # Whole numbers are summed as such: money never passes through a double.
    if fact.type is FactType.NUMBER:
        return f"coalesce(sum({value}){only}, 0.0)"
    total = f"coalesce(sum({value}){only}, 0)"
    return total if dialect is Dialect.SQLITE else f"CAST({total} AS BIGINT)"


def _tests(fact: Fact, dialect: Dialect, *, several: bool) -> list[str]:
    tests = [f"e.name = '{fact.event}'"] if several else []
    if fact.section.within is not None:
        tests.append(f"e.at > {now_sql(dialect)} - {fact.section.within}")
    if fact.where is not None:
        tests.append(fact.where.sql(dialect))
    return tests


def latest_sql(fact: Fact, catalog: FactCatalog, dialect: Dialect, user: str) -> str:
    """Return a subquery for the property of the first or last event of ``user``; of equal instants the id decides."""
    way = "ASC" if fact.source == "first" else "DESC"
    tests = " AND ".join(_tests(fact, dialect, several=True))
    # The id first, out of the index alone: sorting whole events would read more of them than the one that is wanted.
    found = (
        f"SELECT e.id FROM event e WHERE e.user_id = {user} AND {tests} AND e.at <= {now_sql(dialect)}"
        f" ORDER BY e.at {way}, e.id {way} LIMIT 1"
    )
    return f"(SELECT {catalog.property_sql(fact, dialect)} FROM event e WHERE e.id = ({found}))"


def window_edge_sql(facts: Sequence[Fact], dialect: Dialect) -> str | None:
    """Return the aggregate for the earliest instant at which an event leaves a window; None without windows.

    An event counts while ``now < at + within``. Of one event the shortest window that it is still in matters, so one
    CASE with ascending windows covers all facts.
    """
    windowed = sorted((fact for fact in facts if fact.section.within), key=_shortest_and_widest)
    if not windowed:
        return None
    now = now_sql(dialect)
    events = dict.fromkeys(fact.event for fact in windowed)
    cases = " ".join(
        f"WHEN '{event}' THEN CASE {' '.join(_branches([f for f in windowed if f.event == event], dialect))} END"
        for event in events
    )
    widest = max(fact.section.within or 0 for fact in windowed)
    return f"min(CASE e.name {cases} END) FILTER (WHERE e.at > {now} - {widest})"


def _shortest_and_widest(fact: Fact) -> tuple[int, bool]:
    return (fact.section.within or 0, fact.where is not None)


def _branches(facts: Sequence[Fact], dialect: Dialect) -> list[str]:
    branches: dict[str, None] = {}
    covered = -1
    for fact in facts:
        within = fact.section.within or 0
        if within == covered:
            continue  # the same window without a `where` has every edge that this one has
        covered = within if fact.where is None else covered
        branches[f"WHEN {' AND '.join(_tests(fact, dialect, several=False))} THEN e.at + {within}"] = None
    return list(branches)


def next_event_sql(reading: Reading, dialect: Dialect, user: str) -> str:
    """Return a subquery for the instant of the next event of ``user`` that has not happened yet, of any name."""
    if not reading.declared:
        return "CAST(NULL AS BIGINT)"
    return (
        f"(SELECT min(e.at) FROM event e WHERE e.user_id = {user}{reading.declared_sql()}"
        f" AND e.at > {now_sql(dialect)})"
    )
