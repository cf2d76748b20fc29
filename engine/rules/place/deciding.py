"""Deciding one level of dimensions for many users: known situations by a join, unknown ones once each.

One pass over the users computes their signatures and joins the decisions that are known. What is not known is decided, once
for all users who share the situation, and the pass is repeated for those users alone. A sweep soon knows nearly all.
"""

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection

from engine.clock import Instant
from engine.rules.decide.decisions import PlacementDecider
from engine.rules.dimension import Dimension
from engine.rules.place.columns import JOINED, changes, new_values
from engine.rules.place.decided import Situation, add_decisions, create_decisions
from engine.rules.place.due import Due
from engine.rules.place.subjects import Subjects
from engine.store.dialects import Dialect
from engine.store.statement import statement
from engine.store.temporary import analyse, drop_temporary, temporary, user_key

Level = tuple[Dimension, ...]
_UNDECIDED = "undecided"


def decided_table(number: int) -> str:
    """Return the temporary table of the level ``number``.

    It has ``user_id``; per dimension ``sig_<dimension>`` and ``old_<dimension>`` ('' while unplaced), by which decisions are
    joined; ``due_at`` (on the last level, else NULL); and ``seen_at``, the user's last evaluation before this one.
    """
    return f"decided_{number}"


class Deciding:
    """Decides the dimensions of one level."""

    def __init__(
        self, number: int, level: Level, deciders: Mapping[str, PlacementDecider], dialect: Dialect, due: Due | None
    ) -> None:
        """``due`` is given on the last level: then it is also found out when users are due next."""
        self.level = level
        self.table = decided_table(number)
        self._deciders = deciders
        self._dialect = dialect
        self._due = due

    def run(self, connection: Connection, subjects: Subjects, now: Instant) -> None:
        """Fill the level's temporary tables for ``subjects`` at ``now``."""
        columns = "".join(f", sig_{one.name} BIGINT, old_{one.name} TEXT" for one in self.level)
        listed = f"{user_key(self._dialect)}{columns}, due_at BIGINT, seen_at BIGINT"
        temporary(connection, self._dialect, self.table, listed)
        for dimension in self.level:
            create_decisions(connection, self._dialect, dimension)
            known = self._deciders[dimension.name].known
            if len(known) <= subjects.about:
                decisions = {Situation(*situation): decision for situation, decision in known.items()}
                add_decisions(connection, self._dialect, dimension, decisions)
        self._pass(connection, subjects, now)
        self._decide_rest(connection, subjects, now)
        analyse(connection, self._dialect, self.table, "user_id")

    def _pass(self, connection: Connection, subjects: Subjects, now: Instant, further: str = "TRUE") -> None:
        new = new_values(self.level, JOINED)
        due = self._due.sql(new) if self._due else "CAST(NULL AS BIGINT)"
        keys = "".join(f", {JOINED.alias(one)}.sig, {JOINED.alias(one)}.old" for one in self.level)
        # The user's instants are joined before the decisions, so that those who are due are left out early.
        state = "JOIN user_due AS t ON t.user_id = s.user_id AND t.due_at > :now" if subjects.changes_only else ""
        seen = "coalesce(t.evaluated_at, 0)" if subjects.changes_only else "0"
        kept = f" AND ({' OR '.join(self._kept(due))})" if subjects.changes_only else ""
        connection.execute(
            statement(
                f"INSERT INTO {self.table} SELECT s.user_id{keys}, {due}, {seen} FROM {subjects.rows} AS s {state}"
                f" {' '.join(map(self._join, self.level))} WHERE {subjects.where} AND {further}{kept}"
            ),
            {**subjects.binds, "now": now},
        )

    def _kept(self, due: str) -> Iterator[str]:
        yield from (f"{JOINED.alias(one)}.sig IS NULL" for one in self.level)
        yield from changes(self.level, JOINED)
        yield f"{due} < t.due_at" if self._due else "FALSE"

    def _join(self, dimension: Dimension) -> str:
        alias, signature = JOINED.alias(dimension), dimension.signature_sql(self._dialect)
        return (
            f"LEFT JOIN decision_{dimension.name} AS {alias}"
            f" ON {alias}.sig = {signature} AND {alias}.old = coalesce(s.{dimension.place}, '')"
        )

    def _decide_rest(self, connection: Connection, subjects: Subjects, now: Instant) -> None:
        if not self.level:
            return
        temporary(connection, self._dialect, _UNDECIDED, user_key(self._dialect))
        unknown = " OR ".join(f"sig_{one.name} IS NULL" for one in self.level)
        copied = statement(f"INSERT INTO {_UNDECIDED} SELECT user_id FROM {self.table} WHERE {unknown}")
        if connection.execute(copied).rowcount:
            analyse(connection, self._dialect, _UNDECIDED)
            for dimension in self.level:
                self._decide(connection, dimension, subjects, now)
            these = f"IN (SELECT user_id FROM {_UNDECIDED})"
            connection.execute(statement(f"DELETE FROM {self.table} WHERE user_id {these}"))
            self._pass(connection, subjects, now, f"s.user_id {these}")
        drop_temporary(connection, _UNDECIDED)

    def _decide(self, connection: Connection, dimension: Dimension, subjects: Subjects, now: Instant) -> None:
        """Decide the situations of undecided users in one dimension, and add the decisions to its tables."""
        known = f"SELECT 1 FROM decision_{dimension.name} AS d WHERE d.sig = x.sig AND d.old = x.old"
        found = connection.execute(
            statement(
                f"SELECT x.sig, x.old FROM (SELECT DISTINCT {dimension.signature_sql(self._dialect)} AS sig,"
                f" coalesce(s.{dimension.place}, '') AS old FROM {subjects.rows} AS s"
                f" WHERE s.user_id IN (SELECT user_id FROM {_UNDECIDED})) AS x WHERE NOT EXISTS ({known})"
            ),
            {"now": now},
        )
        situations = [Situation(signature, place or None) for signature, place in found]
        decider = self._deciders[dimension.name]
        decisions = {one: decider.decide(one.signature, one.place) for one in situations}
        add_decisions(connection, self._dialect, dimension, decisions)
