"""Evaluating the users of ``due_user``: a look, written down."""

from collections.abc import Iterable

from sqlalchemy import Connection

from engine.clock import Instant
from engine.conditions.turning import TurningPoint
from engine.facts.dates import write_dates
from engine.facts.model import FactCatalog
from engine.facts.scores import Scores
from engine.rules.decide.decider import Deciders
from engine.rules.look import Look
from engine.rules.ruleset import RuleSet
from engine.rules.swept import RangeEvaluation
from engine.store.dialects import Dialect
from engine.store.due import Cause, write_evaluated
from engine.store.sweep import OpenSweep, claim_unreached, current_sweep
from engine.store.temporary import DUE_USER


class Evaluation:
    """Evaluates users with one version of facts and rules."""

    def __init__(self, catalog: FactCatalog, rules: RuleSet, dialect: Dialect, deciders: Deciders) -> None:
        self._catalog = catalog
        self._dialect = dialect
        self._look = Look(catalog, rules, dialect, deciders)
        self._scores = Scores(catalog, dialect)
        self.of_range = RangeEvaluation(self._look, self._scores, self._write_down, catalog, dialect)
        """Evaluates the ranges of a sweep."""

    def set_turning_points(self, further: Iterable[TurningPoint]) -> None:
        """Replace the turning points of conditions outside the rules."""
        self._look.placing.set_turning_points(further)

    def find_facts(self, connection: Connection, now: Instant) -> None:
        """Write the facts of the users of ``due_user``, who stay due and are not placed."""
        self._look.find_facts(connection, now)
        self._look.write(connection)

    def evaluate(self, connection: Connection, now: Instant, users: int) -> int:
        """Evaluate the users of ``due_user``, of whom there are ``users``; return how many transitions were written."""
        if (sweep := current_sweep(connection)) is not None:
            self._claim_for(connection, sweep, now)
        self._look.at_due_users(connection, now, users)
        return self._write_down(connection, now)

    def _claim_for(self, connection: Connection, sweep: OpenSweep, now: Instant) -> None:
        """Set the causes of users of ``due_user`` whom ``sweep`` has not reached: what it moves, time has not moved."""
        if sweep.need.cause is Cause.RULES:
            claim_unreached(connection, sweep, "TRUE", {"now": now})
        elif sweep.need.cause is Cause.SCORES and (changed := self._scores.changed_sql()) is not None:
            among = f"EXISTS (SELECT 1 FROM user_state AS s WHERE s.user_id = {DUE_USER}.user_id AND ({changed}))"
            claim_unreached(connection, sweep, among, self._scores.binds(connection, now))

    def _write_down(self, connection: Connection, now: Instant) -> int:
        """Write the look at the users of ``due_user``; return how many transitions were written."""
        placing = self._look.placing
        self._look.write(connection)
        transitions = placing.write_transitions(connection, now)
        write_evaluated(connection, self._dialect, placing.last_table, now, postpone=True)
        write_dates(connection, self._dialect, self._catalog, DUE_USER)
        placing.drop(connection)
        return transitions
