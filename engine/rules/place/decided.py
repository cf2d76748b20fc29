"""Temporary tables of decisions: what every situation leads to, by signature and current placement."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from engine.rules.decide.decisions import Decision
from engine.rules.dimension import Dimension
from engine.store.dialects import Dialect
from engine.store.dialects.sets import ColumnType
from engine.store.rowset import pack, rowset
from engine.store.statement import statement
from engine.store.temporary import analyse, drop_temporary, temporary


@dataclass(frozen=True, slots=True)
class Situation:
    """What a decision depends on: a signature and the current placement."""

    signature: int
    place: str | None


Decisions = Mapping[Situation, Decision]


def create_decisions(connection: Connection, dialect: Dialect, dimension: Dimension) -> None:
    """Create the tables of one dimension, empty: ``decision_<dimension>`` and ``move_<dimension>``."""
    listed = ", ".join(f"{name} {kind} NOT NULL" for name, kind in _columns(dimension).items())
    name = f"decision_{dimension.name}"
    temporary(connection, dialect, name, f"{listed}, PRIMARY KEY (sig, old)", clustered=True)
    moves = "sig BIGINT NOT NULL, old TEXT NOT NULL, from_place TEXT, to_place TEXT, rule TEXT"
    temporary(connection, dialect, f"move_{dimension.name}", moves)


def add_decisions(connection: Connection, dialect: Dialect, dimension: Dimension, decisions: Decisions) -> None:
    """Add decisions on situations that the tables do not have yet."""
    if not decisions:
        return
    name = f"decision_{dimension.name}"
    rows = [_decision_row(situation, decision) for situation, decision in decisions.items()]
    _insert(connection, dialect, name, _columns(dimension), rows)
    moves = [row for situation, decision in decisions.items() for row in _move_rows(situation, decision)]
    columns: dict[str, ColumnType] = {"sig": "BIGINT", "old": "TEXT"}
    columns |= {"from_place": "TEXT", "to_place": "TEXT", "rule": "TEXT"}
    _insert(connection, dialect, f"move_{dimension.name}", columns, moves)
    analyse(connection, dialect, name)


def drop_decisions(connection: Connection, dimension: Dimension) -> None:
    """Drop the tables of one dimension."""
    drop_temporary(connection, f"decision_{dimension.name}")
    drop_temporary(connection, f"move_{dimension.name}")


def _columns(dimension: Dimension) -> dict[str, ColumnType]:
    columns: dict[str, ColumnType] = {"sig": "BIGINT", "old": "TEXT", "place": "TEXT"}
    for index in range(len(dimension.slots)):
        columns |= {f"moved_{index}": "BIGINT", f"waits_{index}": "BIGINT"}
    return columns | {"again": "BIGINT"}


def _insert(
    connection: Connection, dialect: Dialect, table: str, columns: dict[str, ColumnType], rows: list[list[object]]
) -> None:
    if rows:
        source = rowset(dialect, "rows", **columns)
        listed = ", ".join(columns)
        connection.execute(
            statement(f"INSERT INTO {table} ({listed}) SELECT {listed} FROM {source} AS r"), {"rows": pack(rows)}
        )


def _decision_row(situation: Situation, decision: Decision) -> list[object]:
    slots = (int(flag) for slot in decision.slots for flag in (slot.moved, slot.waits))
    return [situation.signature, situation.place or "", decision.place, *slots, int(decision.again)]


def _move_rows(situation: Situation, decision: Decision) -> Iterator[list[object]]:
    for move in decision.moves:
        yield [situation.signature, situation.place or "", move.from_place, move.to_place, move.rule]
