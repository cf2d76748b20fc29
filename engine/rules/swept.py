"""Evaluating a range of users in a sweep: first a look that holds up nobody, then writing what differs."""

from collections.abc import Callable

from sqlalchemy import Connection

from engine.clock import Instant
from engine.facts.dates import write_dates
from engine.facts.model import FactCatalog
from engine.facts.scores import Scores
from engine.rules.look import Look
from engine.rules.place.deciding import Deciding
from engine.rules.place.subjects import Subjects
from engine.store.dialects import Dialect
from engine.store.due import answer_events, clear_due_users, leave_cause, take_users, write_evaluated
from engine.store.quarantine import RowKind
from engine.store.statement import statement
from engine.store.sweep import OpenSweep, SweepDepth, UserRange
from engine.store.temporary import DUE_USER


class RangeEvaluation:
    """Evaluates ranges of a sweep with one version of facts and rules, leaving out users who are due."""

    def __init__(
        self,
        look: Look,
        scores: Scores,
        write_down: Callable[[Connection, Instant], int],
        catalog: FactCatalog,
        dialect: Dialect,
    ) -> None:
        """``write_down`` writes the look at the users of ``due_user``; it returns how many transitions it wrote."""
        self._look = look
        self._scores = scores
        self._write_down = write_down
        self._catalog = catalog
        self._dialect = dialect

    def look(self, connection: Connection, sweep: OpenSweep, users: UserRange, now: Instant) -> None:
        """Decide who of the range moves, or is due earlier, as far as that can be told before anything is written."""
        if _is_decided_ahead(sweep):
            self._look.placing.decide_first_level(connection, _all_in(users, now), now)

    def write(self, connection: Connection, sweep: OpenSweep, users: UserRange, now: Instant) -> int:
        """Evaluate a range that was looked at; return how many transitions were written.

        Users who were evaluated since then are left out. ``due_user`` then has those about whom triggers have to be asked.
        """
        clear_due_users(connection, self._dialect)
        binds = {"low": users.low, "high": users.high, "now": now}
        leave_cause(connection, self._dialect, _QUARANTINED_IN_RANGE, sweep.need.cause, binds)
        if _is_decided_ahead(sweep):
            return self._place(connection, sweep, _all_in(users, now), now)
        everybody = sweep.need.everybody or sweep.need.depth is SweepDepth.FACTS
        taken = self._take_everybody(connection, sweep, binds) if everybody else 0
        if sweep.need.depth is SweepDepth.FACTS:
            return self._look_anew(connection, now, taken)
        if sweep.need.depth is SweepDepth.SCORES:
            self._recompute_scores(connection, sweep, binds, now)
        subjects = _taken_of(users, now) if everybody else _all_in(users, now)
        self._look.placing.decide_first_level(connection, subjects, now)
        return self._place(connection, sweep, subjects, now)

    def _take_everybody(self, connection: Connection, sweep: OpenSweep, binds: dict[str, int]) -> int:
        return take_users(connection, f"user_due AS t WHERE {_in_range('t')}", sweep.need.cause, binds)

    def _look_anew(self, connection: Connection, now: Instant, taken: int) -> int:
        self._look.find_facts(connection, now)
        answer_events(connection, {"now": now})
        self._look.decide(connection, now, taken)
        return self._write_down(connection, now)

    def _place(self, connection: Connection, sweep: OpenSweep, subjects: Subjects, now: Instant) -> int:
        placing = self._look.placing

        def claim(connection: Connection, level: Deciding) -> None:
            # Unless the user was evaluated since the row was read: then nothing of it may be right any more.
            unchanged = "t.user_id = x.user_id AND x.seen_at = coalesce(t.evaluated_at, 0)"
            users = f"{level.table} AS x CROSS JOIN user_due AS t WHERE {unchanged}"
            found = connection.execute(statement(f"SELECT count(*) FROM {level.table}")).scalar_one()
            if found and take_users(connection, users, sweep.need.cause, {"now": now}, found) != found:
                others = f"DELETE FROM {level.table} WHERE user_id NOT IN (SELECT user_id FROM {DUE_USER})"
                connection.execute(statement(others))

        placing.go_on(connection, subjects, now, claim)
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


def _is_decided_ahead(sweep: OpenSweep) -> bool:
    """Tell whether rows are right as they are, and only those who move are asked about."""
    return sweep.need.depth is SweepDepth.PLACES and not sweep.need.everybody


def _all_in(users: UserRange, now: Instant) -> Subjects:
    binds = {"low": users.low, "high": users.high, "now": now}
    return Subjects("user_state", _BOTH_IN_RANGE, binds, users.high - users.low, changes_only=True)


def _taken_of(users: UserRange, now: Instant) -> Subjects:
    where = f"s.user_id IN (SELECT user_id FROM {DUE_USER})"
    return Subjects("user_state", where, {"now": now}, users.high - users.low, changes_only=True)


_QUARANTINE = f"(SELECT row_id FROM quarantine WHERE kind = '{RowKind.USER}')"


def _in_range(alias: str) -> str:
    """Return SQL: the user is in the range, and not in quarantine, from where they are retried with all that is new."""
    return f"{alias}.user_id >= :low AND {alias}.user_id < :high AND {alias}.user_id NOT IN {_QUARANTINE}"


_QUARANTINED_IN_RANGE = f"t.user_id >= :low AND t.user_id < :high AND t.user_id IN {_QUARANTINE}"


_BOTH_IN_RANGE = f"{_in_range('s')} AND t.user_id >= :low AND t.user_id < :high"
"""The same over ``user_state AS s`` and ``user_due AS t``: no planner concludes the one from the other."""
