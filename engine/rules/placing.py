"""Placing the users of the chunk: situations out of SQL, one decision for each, and SQL that applies them.

``situations`` and ``apply`` are the whole boundary to the database: a second implementation, on another engine, has to
do these two.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, TextClause

from engine.clock import Instant
from engine.rules.decider import Deciders
from engine.rules.deciding import Decision, Judge
from engine.rules.dimension import Dimension
from engine.rules.ruleset import RuleSet
from engine.store.dialect import Dialect
from engine.store.statement import statement
from engine.store.temporary import DUE_USER, analyse, drop_temporary, temporary

_SITUATION = "situation"


@dataclass(frozen=True, slots=True)
class Situation:
    """A signature and the current placement; what a decision depends on."""

    signature: int
    place: str | None


Decisions = Mapping[Situation, Decision]


class Placing:
    """Places users, dimension by dimension."""

    def __init__(self, rules: RuleSet, dialect: Dialect, deciders: Deciders) -> None:
        self._rules = rules
        self._dialect = dialect
        self._judges = {dimension.name: Judge(dimension, deciders) for dimension in rules.dimensions}

    def run(self, connection: Connection, now: Instant) -> int:
        """Place the users of ``due_user`` at ``now``; return the number of transitions written."""
        transitions = 0
        for level in self._rules.levels:
            decisions = {}
            found = self.situations(connection, level, now)
            for dimension in level:
                judge = self._judges[dimension.name]
                decisions[dimension.name] = {s: judge.decide(s.signature, s.place) for s in found[dimension.name]}
            transitions += self.apply(connection, level, decisions, now)
        return transitions

    def situations(
        self, connection: Connection, level: tuple[Dimension, ...], now: Instant
    ) -> dict[str, list[Situation]]:
        """Give each user of the chunk a signature per dimension; return the situations that occur in each."""
        columns = "".join(f", sig_{d.name} BIGINT NOT NULL, old_{d.name} TEXT NOT NULL" for d in level)
        temporary(connection, self._dialect, _SITUATION, f"user_id INTEGER PRIMARY KEY{columns}")
        selected = "".join(f", {d.signature_sql(self._dialect)}, coalesce(s.{d.place}, '')" for d in level)
        connection.execute(
            statement(
                f"INSERT INTO {_SITUATION} SELECT s.user_id{selected} FROM user_state AS s"
                f" WHERE s.user_id IN (SELECT user_id FROM {DUE_USER})"
            ),
            {"now": now},
        )
        analyse(connection, self._dialect, _SITUATION)
        return {d.name: self._distinct(connection, d) for d in level}

    def _distinct(self, connection: Connection, dimension: Dimension) -> list[Situation]:
        rows = connection.execute(
            statement(f"SELECT DISTINCT sig_{dimension.name}, old_{dimension.name} FROM {_SITUATION}")
        )
        return [Situation(signature, place or None) for signature, place in rows]

    def apply(
        self,
        connection: Connection,
        level: tuple[Dimension, ...],
        decisions: Mapping[str, Decisions],
        now: Instant,
    ) -> int:
        """Write transitions and placements of one level; return the number of transitions."""
        changing = [dimension for dimension in level if self._store(connection, dimension, decisions[dimension.name])]
        transitions = sum(self._write_transitions(connection, dimension, now) for dimension in changing)
        if changing:
            self._write_placements(connection, changing, now)
        for dimension in level:
            drop_temporary(connection, f"decision_{dimension.name}")
            drop_temporary(connection, f"move_{dimension.name}")
        return transitions

    def _store(self, connection: Connection, dimension: Dimension, decisions: Decisions) -> bool:
        """Write the decisions into temporary tables to join with; tell whether any changes anything."""
        slots = "".join(
            f", moved_{i} INTEGER NOT NULL, waits_{i} INTEGER NOT NULL" for i in range(len(dimension.slots))
        )
        key = "sig BIGINT NOT NULL, old TEXT NOT NULL"
        temporary(
            connection,
            self._dialect,
            f"decision_{dimension.name}",
            f"{key}, place TEXT NOT NULL{slots}, again INTEGER NOT NULL, PRIMARY KEY (sig, old)",
        )
        temporary(
            connection, self._dialect, f"move_{dimension.name}", f"{key}, from_place TEXT, to_place TEXT, rule TEXT"
        )
        if not decisions:
            return False
        connection.execute(_insert_decisions(dimension), [_decision_row(s, d) for s, d in decisions.items()])
        moves = [
            _move_row(situation, decision, i)
            for situation, decision in decisions.items()
            for i in range(len(decision.moves))
        ]
        if moves:
            connection.execute(
                statement(f"INSERT INTO move_{dimension.name} VALUES (:sig, :old, :from_place, :to_place, :rule)"),
                moves,
            )
        return bool(moves) or any(dimension.slots[i].graces for i in range(len(dimension.slots)))

    def _write_transitions(self, connection: Connection, dimension: Dimension, now: Instant) -> int:
        name = dimension.name
        written = connection.execute(
            statement(
                "INSERT INTO transition"
                " (user_id, dimension, from_place, to_place, at, rule, rules_version, signature)"
                f" SELECT x.user_id, '{name}', m.from_place, m.to_place, :now, m.rule, :version, x.sig_{name}"
                f" FROM {_SITUATION} AS x JOIN move_{name} AS m ON m.sig = x.sig_{name} AND m.old = x.old_{name}"
            ),
            {"now": now, "version": self._rules.version},
        )
        return written.rowcount

    def _write_placements(self, connection: Connection, level: list[Dimension], now: Instant) -> None:
        """Rewrite the rows of users for whom a decision changes something, all dimensions of the level at once."""
        assignments = [part for dimension in level for part in _assignments(dimension)]
        again = " OR ".join(f"d_{d.name}.again = 1" for d in level)
        assignments.append(f"edge_at = CASE WHEN {again} THEN :soon ELSE s.edge_at END")
        joins = " ".join(
            f"JOIN decision_{d.name} AS d_{d.name} ON d_{d.name}.sig = x.sig_{d.name} AND d_{d.name}.old = x.old_{d.name}"
            for d in level
        )
        changes = " OR ".join(part for dimension in level for part in _changes(dimension))
        connection.execute(
            statement(
                f"UPDATE user_state AS s SET {', '.join(assignments)} FROM {_SITUATION} AS x {joins}"
                f" WHERE s.user_id = x.user_id AND ({changes})"
            ),
            {"now": now, "soon": now + 1},
        )


def _insert_decisions(dimension: Dimension) -> TextClause:
    slots = "".join(f", :moved_{i}, :waits_{i}" for i in range(len(dimension.slots)))
    return statement(f"INSERT INTO decision_{dimension.name} VALUES (:sig, :old, :place{slots}, :again)")


def _decision_row(situation: Situation, decision: Decision) -> dict[str, object]:
    row: dict[str, object] = {
        "sig": situation.signature,
        "old": situation.place or "",
        "place": decision.place,
        "again": int(decision.again),
    }
    for index, slot in enumerate(decision.slots):
        row |= {f"moved_{index}": int(slot.moved), f"waits_{index}": int(slot.waits)}
    return row


def _move_row(situation: Situation, decision: Decision, index: int) -> dict[str, object]:
    move = decision.moves[index]
    return {
        "sig": situation.signature,
        "old": situation.place or "",
        "from_place": move.from_place,
        "to_place": move.to_place,
        "rule": move.rule,
    }


def _assignments(dimension: Dimension) -> list[str]:
    decision = f"d_{dimension.name}"
    parts = [f"{dimension.place} = {decision}.place"]
    for index, slot in enumerate(dimension.slots):
        parts.append(f"{slot.since} = CASE WHEN {decision}.moved_{index} = 1 THEN :now ELSE s.{slot.since} END")
        parts.append(f"{slot.wait} = CASE WHEN {decision}.waits_{index} = 1 THEN coalesce(s.{slot.wait}, :now) END")
    return parts


def _changes(dimension: Dimension) -> list[str]:
    """Conditions under which a user's row has to be written."""
    decision = f"d_{dimension.name}"
    parts = [f"{decision}.place <> x.old_{dimension.name}"]
    for index, slot in enumerate(dimension.slots):
        if slot.graces:
            parts.append(f"({decision}.waits_{index} = 1) <> (s.{slot.wait} IS NOT NULL)")
    return parts
