"""Applies decisions by joining them to the users: placements, and transitions."""

from sqlalchemy import Connection

from engine.clock import Instant
from engine.rules.dimension import Dimension
from engine.rules.place.columns import changes, joined
from engine.rules.place.deciding import Deciding, Level
from engine.store.statement import statement
from engine.store.temporary import DUE_USER


def apply_placements(connection: Connection, decided: Deciding, rows: str, now: Instant) -> None:
    """Write the decided placements of one level into the table ``rows``, where they change anything.

    It is an upsert that never inserts, because every user has a row. An UPDATE with joins takes 50 % longer on SQLite,
    which materialises the whole result before it writes the first row.
    """
    carried = {column: sql for dimension in decided.level for column, sql in _carried(dimension).items()}
    if not carried:
        return
    again = " OR ".join(f"{joined(dimension)}.again = 1" for dimension in decided.level)
    carried["edge_at"] = f"CASE WHEN {again} THEN 1 ELSE 0 END"
    new = {column: sql for dimension in decided.level for column, sql in _assignments(dimension).items()}
    new["edge_at"] = "CASE WHEN excluded.edge_at = 1 THEN :now + 1 ELSE s.edge_at END"
    waiting = [part for dimension in decided.level for part in _changes(dimension)]
    connection.execute(
        statement(
            f"INSERT INTO {rows} AS s ({', '.join(['user_id', *carried])})"
            f" SELECT {', '.join(['x.user_id', *carried.values()])} FROM {decided.table} AS x"
            f" {' '.join(map(_join, decided.level))} WHERE {_may_change(decided.level)} ON CONFLICT (user_id) DO UPDATE SET"
            f" {', '.join(f'{column} = {sql}' for column, sql in new.items())} WHERE {' OR '.join(waiting)}"
        ),
        {"now": now},
    )


def write_transitions(connection: Connection, decided: Deciding, version: str, now: Instant) -> int:
    """Append a transition for every move of every user of ``due_user``, with the user's cause; return how many."""
    return sum(
        connection.execute(
            statement(
                "INSERT INTO transition (user_id, dimension, from_place, to_place, at, cause, rule, rules_version,"
                f" signature) {transitions_sql(dimension, decided.table)}"
            ),
            {"now": now, "version": version},
        ).rowcount
        for dimension in decided.level
    )


def transitions_sql(dimension: Dimension, decided: str) -> str:
    """Return the query for the transitions to write, from the tables of decisions and the table ``decided``."""
    name = dimension.name
    return (
        f"SELECT x.user_id, '{name}', m.from_place, m.to_place, :now, d.cause, m.rule, :version, x.sig_{name}"
        f" FROM {decided} AS x JOIN move_{name} AS m ON m.sig = x.sig_{name} AND m.old = x.old_{name}"
        f" JOIN {DUE_USER} AS d ON d.user_id = x.user_id"
    )


def _join(dimension: Dimension) -> str:
    alias, name = joined(dimension), dimension.name
    return f"JOIN decision_{name} AS {alias} ON {alias}.sig = x.sig_{name} AND {alias}.old = x.old_{name}"


def _may_change(level: Level) -> str:
    """Return what can be said without the user's row: it moves, or its wait may begin or end."""
    if any(slot.graces for dimension in level for slot in dimension.slots):
        return "TRUE"
    return " OR ".join(changes(level))


def _carried(dimension: Dimension) -> dict[str, str]:
    """Return column -> SQL of what ``excluded`` holds: a new placement, or a flag for the column it is stored in."""
    decision = joined(dimension)
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
