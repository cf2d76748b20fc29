"""Placing users: deciding level after level, and applying what was decided to the rows that were read.

For the rows of a look that is all: nothing is written but temporary tables. A sweep reads and writes ``user_state``.
"""

from collections.abc import Callable, Iterable

from sqlalchemy import Connection

from engine.clock import Instant
from engine.conditions.turning import TurningPoint
from engine.rules.decide.decider import Deciders
from engine.rules.decide.decisions import PlacementDecider
from engine.rules.place.applying import apply_placements, write_transitions
from engine.rules.place.decided import drop_decisions
from engine.rules.place.deciding import Deciding, Level
from engine.rules.place.due import Due
from engine.rules.place.subjects import Subjects
from engine.rules.ruleset import RuleSet
from engine.store.dialects import Dialect
from engine.store.temporary import drop_temporary

Decided = Callable[[Connection, Deciding], None]
"""Called with a level that has been decided, before it is applied; may remove users from its table."""


def _apply_all(_connection: Connection, _level: Deciding) -> None:
    """Every user is locked already, or nothing is going to be written."""


class Placing:
    """Places users, one level of dimensions after the other."""

    def __init__(
        self, rules: RuleSet, dialect: Dialect, deciders: Deciders, further: Iterable[TurningPoint] = ()
    ) -> None:
        """``further`` are turning points of conditions outside the rules; see ``Due``."""
        self._rules = rules
        self._dialect = dialect
        self._deciders = {dimension.name: PlacementDecider(dimension, deciders) for dimension in rules.dimensions}
        self.set_turning_points(further)

    def set_turning_points(self, further: Iterable[TurningPoint]) -> None:
        """Replace the turning points of conditions outside the rules."""
        due = Due(self._rules.dimensions, further, self._dialect)
        # A brand without dimensions has one empty level, so that its users still become due again.
        levels: tuple[Level, ...] = self._rules.levels or ((),)
        self.levels = tuple(
            Deciding(number, level, self._deciders, self._dialect, due if level is levels[-1] else None)
            for number, level in enumerate(levels)
        )

    @property
    def last_table(self) -> str:
        """The temporary table that says when each decided user is due next."""
        return self.levels[-1].table

    def run(self, connection: Connection, subjects: Subjects, now: Instant, decided: Decided = _apply_all) -> None:
        """Decide the placements of ``subjects`` at ``now``, and change their rows accordingly."""
        self.decide_first_level(connection, subjects, now)
        self.go_on(connection, subjects, now, decided)

    def decide_first_level(self, connection: Connection, subjects: Subjects, now: Instant) -> None:
        """Decide the first level; nothing is written but temporary tables."""
        self.levels[0].run(connection, subjects, now)

    def go_on(self, connection: Connection, subjects: Subjects, now: Instant, decided: Decided = _apply_all) -> None:
        """Apply the first level, which has been decided, and decide and apply the others."""
        for level in self.levels:
            if level is not self.levels[0]:
                level.run(connection, subjects, now)
            decided(connection, level)
            apply_placements(connection, level, subjects.rows, now)

    def write_transitions(self, connection: Connection, now: Instant) -> int:
        """Append the transitions of the users of ``due_user`` who were decided; return how many."""
        return sum(write_transitions(connection, level, self._rules.version, now) for level in self.levels)

    def drop(self, connection: Connection) -> None:
        """Drop the temporary tables."""
        for level in self.levels:
            drop_temporary(connection, level.table)
            for dimension in level.level:
                drop_decisions(connection, dimension)
