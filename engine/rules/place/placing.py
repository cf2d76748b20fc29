"""Places the users of a chunk: SQL finds the situations, each is decided once, SQL applies the decisions.

``situations`` and ``apply`` are the whole interface to the database: an implementation on another engine would replace
these two.
"""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from engine.clock import Instant
from engine.conditions.turning import TurningPoint
from engine.rules.decide.decider import Deciders
from engine.rules.decide.decisions import PlacementDecider
from engine.rules.dimension import Dimension
from engine.rules.place.applying import (
    SITUATION,
    Decisions,
    Situation,
    store_decisions,
    write_placements,
    write_transitions,
)
from engine.rules.place.due import Due
from engine.rules.ruleset import RuleSet
from engine.store.dialects import Dialect
from engine.store.statement import statement
from engine.store.temporary import DUE_USER, analyse, drop_temporary, temporary, user_key

Level = tuple[Dimension, ...]


class Placing:
    """Places users, one level of dimensions after the other, and sets when each is due again."""

    def __init__(
        self, rules: RuleSet, dialect: Dialect, deciders: Deciders, further: Iterable[TurningPoint] = ()
    ) -> None:
        """``further`` are turning points of conditions outside the rules; see ``Due``."""
        self._rules = rules
        self._dialect = dialect
        self._placement_deciders = {
            dimension.name: PlacementDecider(dimension, deciders) for dimension in rules.dimensions
        }
        self.set_turning_points(further)

    def set_turning_points(self, further: Iterable[TurningPoint]) -> None:
        """Replace the turning points of conditions outside the rules."""
        self._due = Due(self._rules.dimensions, further, self._dialect)

    def run(self, connection: Connection, now: Instant) -> int:
        """Place the users of ``due_user`` at ``now``; return the number of transitions written."""
        transitions = 0
        # A brand without dimensions has one empty level, so that its users still become due again.
        levels: tuple[Level, ...] = self._rules.levels or ((),)
        for level in levels:
            found = self.situations(connection, level, now)
            decisions = {dimension.name: self._decide(dimension, found[dimension.name]) for dimension in level}
            due = self._due if level is levels[-1] else None
            transitions += self.apply(connection, level, decisions, due, now)
        return transitions

    def _decide(self, dimension: Dimension, situations: Iterable[Situation]) -> Decisions:
        decider = self._placement_deciders[dimension.name]
        return {situation: decider.decide(situation.signature, situation.place) for situation in situations}

    def situations(self, connection: Connection, level: Level, now: Instant) -> dict[str, list[Situation]]:
        """Compute each user's signature per dimension; return the situations that occur in each dimension."""
        columns = "".join(f", sig_{d.name} BIGINT NOT NULL, old_{d.name} TEXT NOT NULL" for d in level)
        temporary(connection, self._dialect, SITUATION, f"{user_key(self._dialect)}{columns}")
        selected = "".join(f", {d.signature_sql(self._dialect)}, coalesce(s.{d.place}, '')" for d in level)
        connection.execute(
            statement(
                f"INSERT INTO {SITUATION} SELECT s.user_id{selected} FROM user_state AS s"
                f" WHERE s.user_id IN (SELECT user_id FROM {DUE_USER})"
            ),
            {"now": now} if ":now" in selected else {},
        )
        analyse(connection, self._dialect, SITUATION)
        return {dimension.name: _distinct(connection, dimension) for dimension in level}

    def apply(
        self,
        connection: Connection,
        level: Level,
        decisions: Mapping[str, Decisions],
        due: Due | None,
        now: Instant,
    ) -> int:
        """Write transitions, placements and, on the last level, ``due_at``; return the number of transitions."""
        changing = [d for d in level if store_decisions(connection, self._dialect, d, decisions[d.name])]
        transitions = sum(write_transitions(connection, d, self._rules.version, now) for d in changing)
        write_placements(connection, changing, due, now)
        for dimension in level:
            drop_temporary(connection, f"decision_{dimension.name}")
            drop_temporary(connection, f"move_{dimension.name}")
        return transitions


def _distinct(connection: Connection, dimension: Dimension) -> list[Situation]:
    rows = connection.execute(statement(f"SELECT DISTINCT sig_{dimension.name}, old_{dimension.name} FROM {SITUATION}"))
    return [Situation(signature, place or None) for signature, place in rows]
