"""Evaluating users: a look, written down. The users are those of ``due_user``, or a range of them in a sweep."""

from collections.abc import Iterable

from sqlalchemy import Connection

from engine.clock import Instant
from engine.conditions.turning import TurningPoint
from engine.facts.dates import write_dates
from engine.facts.model import FactCatalog
from engine.facts.scores import Scores
from engine.rules.decide.decider import Deciders
from engine.rules.look import Look
from engine.rules.place.deciding import Deciding
from engine.rules.place.subjects import Subjects
from engine.rules.ruleset import RuleSet
from engine.store.dialects import Dialect
from engine.store.due import Cause, answer_events, clear_due_users, leave_cause, take_users, write_evaluated
from engine.store.quarantine import RowKind
from engine.store.statement import statement
from engine.store.sweep import OpenSweep, SweepDepth, UserRange, claim_unreached, current_sweep
from engine.store.temporary import DUE_USER


class Evaluation:
    """Evaluates users with one version of facts and rules."""

    def __init__(self, catalog: FactCatalog, rules: RuleSet, dialect: Dialect, deciders: Deciders) -> None:
        self._catalog = catalog
        self._dialect = dialect
        self._look = Look(catalog, rules, dialect, deciders)
        self._scores = Scores(catalog, dialect)

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

    def sweep(self, connection: Connection, sweep: OpenSweep, users: UserRange, now: Instant) -> int:
        """Evaluate a range of a sweep, leaving out users who are due; return how many transitions were written.

        ``due_user`` then has those about whom triggers have to be asked.
        """
        clear_due_users(connection, self._dialect)
        binds = {"low": users.low, "high": users.high, "now": now}
        leave_cause(connection, self._dialect, _QUARANTINED_IN_RANGE, sweep.need.cause, binds)
        everybody, taken = sweep.need.everybody or sweep.need.depth is SweepDepth.FACTS, 0
        if everybody:
            in_range = f"user_due AS t WHERE {_in_range('t')}"
            taken = take_users(connection, in_range, sweep.need.cause, binds)
        if sweep.need.depth is SweepDepth.FACTS:
            self._look.find_facts(connection, now)
            answer_events(connection, {"now": now})
            self._look.decide(connection, now, taken)
            return self._write_down(connection, now)
        if sweep.need.depth is SweepDepth.SCORES:
            self._recompute_scores(connection, sweep, binds, now)
        where = f"s.user_id IN (SELECT user_id FROM {DUE_USER})" if everybody else _BOTH_IN_RANGE
        return self._place_range(
            connection, sweep, Subjects("user_state", where, binds, users.high - users.low, True), now
        )

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

    def _place_range(self, connection: Connection, sweep: OpenSweep, subjects: Subjects, now: Instant) -> int:
        placing = self._look.placing

        def claim(connection: Connection, level: Deciding) -> None:
            # Unless the user was evaluated since the row was read: then nothing of it may be right any more.
            unchanged = "t.user_id = x.user_id AND x.seen_at = coalesce(t.evaluated_at, 0)"
            users = f"{level.table} AS x CROSS JOIN user_due AS t WHERE {unchanged}"
            found = connection.execute(statement(f"SELECT count(*) FROM {level.table}")).scalar_one()
            take_users(connection, users, sweep.need.cause, {"now": now}, found)
            if self._dialect.lock("t"):
                others = f"DELETE FROM {level.table} WHERE user_id NOT IN (SELECT user_id FROM {DUE_USER})"
                connection.execute(statement(others))

        placing.run(connection, subjects, now, claim)
        transitions = placing.write_transitions(connection, now)
        write_evaluated(connection, self._dialect, placing.last_table, now, postpone=False)
        placing.drop(connection)
        return transitions

    def _recompute_scores(self, connection: Connection, sweep: OpenSweep, binds: dict[str, int], now: Instant) -> None:
        changed = self._scores.changed_sql()
        if changed is None:
            return
        all_binds = {**binds, **self._scores.binds(connection, now)}
        users = (
            f"user_state AS s CROSS JOIN user_due AS t WHERE t.user_id = s.user_id AND {_BOTH_IN_RANGE} AND ({changed})"
        )
        take_users(connection, users, sweep.need.cause, all_binds)
        self._scores.write(connection, all_binds)
        write_dates(connection, self._dialect, self._catalog, DUE_USER)  # a date may be computed from a score


_QUARANTINE = f"(SELECT row_id FROM quarantine WHERE kind = '{RowKind.USER}')"


def _in_range(alias: str) -> str:
    """Return SQL: the user is in the range, and not in quarantine, from where they are retried with all that is new."""
    return f"{alias}.user_id >= :low AND {alias}.user_id < :high AND {alias}.user_id NOT IN {_QUARANTINE}"


_QUARANTINED_IN_RANGE = f"t.user_id >= :low AND t.user_id < :high AND t.user_id IN {_QUARANTINE}"


_BOTH_IN_RANGE = f"{_in_range('s')} AND t.user_id >= :low AND t.user_id < :high"
"""The same over ``user_state AS s`` and ``user_due AS t``: no planner concludes the one from the other."""
