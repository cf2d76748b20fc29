"""Applies decisions by joining them to the users: placements, and transitions."""

from sqlalchemy import Connection

from engine.clock import Instant
from engine.rules.dimension import Dimension
from engine.rules.place.columns import CARRIED, JOINED, carried, changes, new_values
from engine.rules.place.deciding import Deciding, Level
from engine.store.statement import statement
from engine.store.temporary import DUE_USER


def apply_placements(connection: Connection, decided: Deciding, rows: str, now: Instant) -> None:
    """Write the decided placements of one level into the table ``rows``, where they change anything.

    It is an upsert that never inserts, because every user has a row. An UPDATE with joins takes 50 % longer on SQLite,
    which materialises the whole result before it writes the first row.
    """
    if not decided.level:
        return
    columns, new = carried(decided.level), new_values(decided.level, CARRIED)
    connection.execute(
        statement(
            f"INSERT INTO {rows} AS s ({', '.join(['user_id', *columns])})"
            f" SELECT {', '.join(['x.user_id', *columns.values()])} FROM {decided.table} AS x"
            f" {' '.join(map(_join, decided.level))} WHERE {_may_change(decided.level)} ON CONFLICT (user_id) DO UPDATE SET"
            f" {', '.join(f'{column} = {sql}' for column, sql in new.items())} WHERE {' OR '.join(changes(decided.level, CARRIED))}"
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
    alias, name = JOINED.alias(dimension), dimension.name
    return f"JOIN decision_{name} AS {alias} ON {alias}.sig = x.sig_{name} AND {alias}.old = x.old_{name}"


def _may_change(level: Level) -> str:
    """Return what can be said without the user's row: it moves, or its wait may begin or end."""
    if any(slot.graces for dimension in level for slot in dimension.slots):
        return "TRUE"
    return " OR ".join(changes(level, JOINED))
