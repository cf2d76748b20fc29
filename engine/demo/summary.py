"""Counting a store's contents and actions, for the end of the demo."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from engine.rules.dimension import Dimension, split_places


@dataclass(frozen=True, slots=True)
class TransitionCount:
    """How many transitions there were between two places of a dimension."""

    dimension: str
    origin: str
    place: str
    count: int


@dataclass(frozen=True, slots=True)
class ActionCount:
    """How many actions of a playbook are in one state for one reason."""

    playbook: str
    state: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of customers, events, ticks, placements, transitions and actions."""

    users: int
    events: int
    ticks: int
    places: Mapping[str, Mapping[str, int]]
    """Dimension -> place -> customers; in a segments dimension a customer can count in several places."""
    tier: str
    """The tiers dimension of ``crossed``; empty if the brand has none."""
    stage: str
    """The stages dimension of ``crossed``; empty if the brand has none."""
    crossed: Mapping[tuple[str, str], int]
    """(stage, tier) -> customers."""
    transitions: Sequence[TransitionCount]
    """Without first placements."""
    actions: Sequence[ActionCount]
    example: str | None
    """The key of the customer with the most actions."""


def summarise(connection: Connection, dimensions: Sequence[Dimension]) -> Summary:
    """Return the summary of the store behind ``connection``."""
    tier = next((each.name for each in sorted(dimensions, key=_value_first) if each.kind == "tiers"), "")
    stage = next((each.name for each in dimensions if each.kind == "stages"), "")
    return Summary(
        users=_one(connection, "SELECT count(*) FROM users"),
        events=_one(connection, "SELECT count(*) FROM event"),
        ticks=_one(connection, "SELECT count(*) FROM tick"),
        places={dimension.name: _places(connection, dimension) for dimension in dimensions},
        tier=tier,
        stage=stage,
        crossed=_crossed(connection, stage, tier) if tier and stage else {},
        transitions=_transitions(connection),
        actions=_actions(connection),
        example=_example(connection),
    )


def _value_first(dimension: Dimension) -> bool:
    return dimension.name != "value"


def _one(connection: Connection, query: str) -> int:
    return int(connection.execute(text(query)).scalar_one())


def _places(connection: Connection, dimension: Dimension) -> dict[str, int]:
    query = f"SELECT {dimension.place}, count(*) FROM user_state WHERE {dimension.place} IS NOT NULL GROUP BY 1"
    counts: Counter[str] = Counter()
    for place, count in connection.execute(text(query)):
        for each in split_places(place) if dimension.kind == "segments" else (place,):
            counts[each] += count
    return {place: counts[place] for place in dimension.places}


def _crossed(connection: Connection, stage: str, tier: str) -> dict[tuple[str, str], int]:
    query = f"SELECT place_{stage}, place_{tier}, count(*) FROM user_state GROUP BY 1, 2"
    return {(row[0], row[1]): row[2] for row in connection.execute(text(query)) if row[0] and row[1]}


def _transitions(connection: Connection) -> list[TransitionCount]:
    query = (
        "SELECT t.dimension, coalesce(t.from_place, '-'), coalesce(t.to_place, '-'), count(*) FROM transition t "
        "WHERE EXISTS (SELECT 1 FROM transition b WHERE b.user_id = t.user_id AND b.dimension = t.dimension "
        "AND b.at < t.at) GROUP BY 1, 2, 3 ORDER BY 1, 4 DESC, 2, 3"
    )
    return [TransitionCount(*row) for row in connection.execute(text(query))]


def _actions(connection: Connection) -> list[ActionCount]:
    query = "SELECT playbook, state, reason, count(*) FROM action GROUP BY 1, 2, 3 ORDER BY 1, 4 DESC, 2, 3"
    return [ActionCount(*row) for row in connection.execute(text(query))]


def _example(connection: Connection) -> str | None:
    query = (
        "SELECT u.key FROM action a JOIN users u ON u.id = a.user_id GROUP BY u.key "
        "ORDER BY count(*) DESC, u.key LIMIT 1"
    )
    return connection.execute(text(query)).scalar()
