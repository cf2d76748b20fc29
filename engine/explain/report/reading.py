"""Reading a report: each table with one statement for all users."""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from engine.clock import Instant
from engine.explain.report.downgrades import downgrade_counts, next_downgrades
from engine.explain.report.models import ActionCount, CrossCount, PlaceCount, Report, TransitionCount
from engine.rules.dimension import Dimension, split_places

NOT_FIRST = (
    "EXISTS (SELECT 1 FROM transition AS b WHERE b.user_id = t.user_id AND b.dimension = t.dimension AND b.at < t.at)"
)
"""SQL: the transition ``t`` is not one of the user's first placement in its dimension."""
_TRANSITIONS = (
    "SELECT t.dimension, coalesce(t.from_place, '-'), coalesce(t.to_place, '-'), coalesce(t.cause, 'behaviour'), count(*)"
    f" FROM transition AS t WHERE t.at >= :since AND {NOT_FIRST} GROUP BY 1, 2, 3, 4 ORDER BY 1, 5 DESC, 2, 3, 4"
)
_ACTIONS = (
    "SELECT playbook, state, reason, count(*) FROM action WHERE changed_at >= :since"
    " GROUP BY 1, 2, 3 ORDER BY 1, 4 DESC, 2, 3"
)


@dataclass(frozen=True, slots=True)
class ReportWindow:
    """Which transitions and actions are counted, and in which zone days are."""

    now: Instant
    zone: ZoneInfo
    since: Instant | None = None

    @property
    def binds(self) -> dict[str, int]:
        """The instant from which they are counted, for SQL."""
        return {"since": self.since or 0}


def read_report(connection: Connection, dimensions: Sequence[Dimension], window: ReportWindow) -> Report:
    """Return the report of the store behind ``connection``."""
    tier = next((each.name for each in sorted(dimensions, key=_value_first) if each.kind == "tiers"), "")
    stage = next((each.name for each in dimensions if each.kind == "stages"), "")
    transitions = read_transitions(connection, window)
    return Report(
        at=window.now,
        since=window.since,
        users=_count(connection, "users"),
        events=_count(connection, "event"),
        ticks=_count(connection, "tick"),
        stage=stage,
        tier=tier,
        crossed=_crossed(connection, stage, tier) if tier and stage else (),
        places=read_places(connection, dimensions, transitions),
        transitions=transitions,
        actions=read_actions(connection, window),
        downgrades=downgrade_counts(connection, dimensions, window.zone),
        next_downgrades=next_downgrades(connection, dimensions),
    )


def read_transitions(connection: Connection, window: ReportWindow) -> tuple[TransitionCount, ...]:
    """Return the transitions by dimension, places and cause, the most frequent first."""
    return tuple(TransitionCount(*row) for row in connection.execute(text(_TRANSITIONS), window.binds))


def read_actions(connection: Connection, window: ReportWindow) -> tuple[ActionCount, ...]:
    """Return the actions by playbook, state and reason, the most frequent first; by the instant of their last change."""
    return tuple(ActionCount(*row) for row in connection.execute(text(_ACTIONS), window.binds))


def read_places(
    connection: Connection, dimensions: Sequence[Dimension], transitions: Sequence[TransitionCount]
) -> tuple[PlaceCount, ...]:
    """Return the customers in every place, also in empty ones."""
    found = []
    for dimension in dimensions:
        customers = _customers(connection, dimension)
        moves = [move for move in transitions if move.dimension == dimension.name]
        for place in dimension.places:
            entered = sum(move.count for move in moves if move.place == place)
            left = sum(move.count for move in moves if move.origin == place)
            found.append(PlaceCount(dimension.name, place, customers.get(place, 0), entered, left))
    return tuple(found)


def _value_first(dimension: Dimension) -> bool:
    return dimension.name != "value"


def _count(connection: Connection, table: str) -> int:
    return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def _customers(connection: Connection, dimension: Dimension) -> dict[str, int]:
    query = f"SELECT {dimension.place}, count(*) FROM user_state WHERE {dimension.place} IS NOT NULL GROUP BY 1"
    counts: dict[str, int] = {}
    for places, count in connection.execute(text(query)):
        for place in split_places(places) if dimension.kind == "segments" else (places,):
            counts[place] = counts.get(place, 0) + count
    return counts


def _crossed(connection: Connection, stage: str, tier: str) -> tuple[CrossCount, ...]:
    query = (
        f"SELECT place_{stage}, place_{tier}, count(*) FROM user_state"
        f" WHERE place_{stage} IS NOT NULL AND place_{tier} IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2"
    )
    return tuple(CrossCount(*row) for row in connection.execute(text(query)))
