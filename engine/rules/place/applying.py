"""Applies decisions by joining them to the users: writes transitions, placements and ``due_at``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from engine.clock import Instant
from engine.rules.decide.decisions import Decision
from engine.rules.dimension import Dimension
from engine.rules.place.due import Due
from engine.store.dialects import Dialect
from engine.store.due import evaluated
from engine.store.statement import statement
from engine.store.temporary import DUE_USER, temporary

SITUATION = "situation"
"""Temporary table: user_id, and per dimension ``sig_<dimension>`` and ``old_<dimension>`` ('' while unplaced)."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What a decision depends on: a signature and the current placement."""

    signature: int
    place: str | None


Decisions = Mapping[Situation, Decision]


def store_decisions(connection: Connection, dialect: Dialect, dimension: Dimension, decisions: Decisions) -> bool:
    """Write the decisions into temporary tables for joining; return whether they can change anything."""
    slots = "".join(f", moved_{i} INTEGER NOT NULL, waits_{i} INTEGER NOT NULL" for i in range(len(dimension.slots)))
    key = "sig BIGINT NOT NULL, old TEXT NOT NULL"
    columns = f"{key}, place TEXT NOT NULL{slots}, again INTEGER NOT NULL, PRIMARY KEY (sig, old)"
    temporary(connection, dialect, f"decision_{dimension.name}", columns, clustered=True)
    temporary(connection, dialect, f"move_{dimension.name}", f"{key}, from_place TEXT, to_place TEXT, rule TEXT")
    rows = [_decision_row(situation, decision) for situation, decision in decisions.items()]
    if rows:
        binds = ", ".join(f":{name}" for name in rows[0])
        connection.execute(statement(f"INSERT INTO decision_{dimension.name} VALUES ({binds})"), rows)
    moves = [row for situation, decision in decisions.items() for row in _move_rows(situation, decision)]
    if moves:
        binds = ", ".join(f":{name}" for name in moves[0])
        connection.execute(statement(f"INSERT INTO move_{dimension.name} VALUES ({binds})"), moves)
    return bool(moves) or (bool(rows) and any(slot.graces for slot in dimension.slots))


def write_transitions(connection: Connection, dimension: Dimension, version: str, now: Instant) -> int:
    """Append a transition for every move of every user, with the cause of the evaluation; return how many."""
    written = connection.execute(
        statement(
            "INSERT INTO transition (user_id, dimension, from_place, to_place, at, cause, rule, rules_version, signature)"
            f" {transitions_sql(dimension)}"
        ),
        {"now": now, "version": version},
    )
    return written.rowcount


def transitions_sql(dimension: Dimension) -> str:
    """Return the query for the transitions to write, from the tables that ``store_decisions`` fills."""
    name = dimension.name
    return (
        f"SELECT x.user_id, '{name}', m.from_place, m.to_place, :now, d.cause, m.rule, :version, x.sig_{name}"
        f" FROM {SITUATION} AS x JOIN move_{name} AS m ON m.sig = x.sig_{name} AND m.old = x.old_{name}"
        f" JOIN {DUE_USER} AS d ON d.user_id = x.user_id"
    )


def write_placements(connection: Connection, changing: Sequence[Dimension], due: Due | None, now: Instant) -> None:
    """Rewrite the rows of the chunk, for all dimensions of a level in one statement.

    Without ``due``, only rows that a decision changes; with it, all rows, including ``due_at``.

    It is an upsert that never inserts, because every user of ``situation`` has a row. An UPDATE with joins takes 50 %
    longer on SQLite, which materialises the whole result before it writes the first row.
    """
    carried = {column: sql for dimension in changing for column, sql in _carried(dimension).items()}
    new = {column: sql for dimension in changing for column, sql in _assignments(dimension).items()}
    if changing:
        again = " OR ".join(f"d_{dimension.name}.again = 1" for dimension in changing)
        carried["edge_at"] = f"CASE WHEN {again} THEN 1 ELSE 0 END"
        new["edge_at"] = "CASE WHEN excluded.edge_at = 1 THEN :now + 1 ELSE s.edge_at END"
    assignments = new | (evaluated(due.sql(new), new.get("edge_at", "s.edge_at")) if due else {})
    if not assignments:
        return
    joins = " ".join(
        f"JOIN decision_{d.name} AS d_{d.name} ON d_{d.name}.sig = x.sig_{d.name} AND d_{d.name}.old = x.old_{d.name}"
        for d in changing
    )
    changes = "" if due else f" WHERE {' OR '.join(part for dimension in changing for part in _changes(dimension))}"
    connection.execute(
        statement(
            f"INSERT INTO user_state AS s ({', '.join(['user_id', 'due_at', *carried])})"
            f" SELECT {', '.join(['x.user_id', '0', *carried.values()])} FROM {SITUATION} AS x {joins} WHERE TRUE"
            f" ON CONFLICT (user_id) DO UPDATE SET {', '.join(f'{column} = {sql}' for column, sql in assignments.items())}"
            f"{changes}"
        ),
        {"now": now},
    )


def _decision_row(situation: Situation, decision: Decision) -> dict[str, object]:
    row: dict[str, object] = {"sig": situation.signature, "old": situation.place or "", "place": decision.place}
    for index, slot in enumerate(decision.slots):
        row |= {f"moved_{index}": int(slot.moved), f"waits_{index}": int(slot.waits)}
    return row | {"again": int(decision.again)}


def _move_rows(situation: Situation, decision: Decision) -> list[dict[str, object]]:
    key = {"sig": situation.signature, "old": situation.place or ""}
    return [
        {**key, "from_place": move.from_place, "to_place": move.to_place, "rule": move.rule} for move in decision.moves
    ]


def _carried(dimension: Dimension) -> dict[str, str]:
    """Return column -> SQL of what ``excluded`` holds: a new placement, or a flag for the column it is stored in."""
    decision = f"d_{dimension.name}"
    carried = {dimension.place: f"{decision}.place"}
    for index, slot in enumerate(dimension.slots):
        carried[slot.since] = f"{decision}.moved_{index}"
        if slot.graces:
            carried[slot.wait] = f"{decision}.waits_{index}"
    return carried


def _assignments(dimension: Dimension) -> dict[str, str]:
    """Return column -> SQL of its new value, from ``excluded`` and the row ``s``."""
    new = {dimension.place: f"excluded.{dimension.place}"}
    for slot in dimension.slots:
        new[slot.since] = f"CASE WHEN excluded.{slot.since} = 1 THEN :now ELSE s.{slot.since} END"
        if slot.graces:
            new[slot.wait] = f"CASE WHEN excluded.{slot.wait} = 1 THEN coalesce(s.{slot.wait}, :now) END"
    return new


def _changes(dimension: Dimension) -> list[str]:
    """Return the conditions under which a user's row must be written."""
    waits = [slot.wait for slot in dimension.slots if slot.graces]
    return [
        f"excluded.{dimension.place} <> coalesce(s.{dimension.place}, '')",
        *(f"(excluded.{wait} = 1) <> (s.{wait} IS NOT NULL)" for wait in waits),
    ]
