"""The old way's tables: ``due_at`` and its cause in ``user_state``, with an index, as they were until revision 0003.

With that index, rewriting a row costs an index entry as well, and on PostgreSQL no update is HOT; so the old way cannot be
measured on the new tables. A copy of the store is laid out anew before the measure and back afterwards.
"""

from collections.abc import Mapping
from contextlib import closing

from bench.handwritten_rules import SLOTS, due_at
from bench.handwritten_update import assignments, moves
from engine.store.database import Database
from engine.store.dialects import Dialect
from engine.store.statement import statement

_COLUMNS = {"due_at": "BIGINT", "due_cause": "TEXT", "refreshed_at": "BIGINT"}


def lay_out(url: str) -> None:
    """Move what ``user_due`` says into ``user_state``; the store has to be settled afterwards."""
    _run(
        url,
        *(f"ALTER TABLE user_state ADD COLUMN {name} {kind}" for name, kind in _COLUMNS.items()),
        "UPDATE user_state SET due_at = t.due_at, due_cause = t.cause, refreshed_at = t.evaluated_at"
        " FROM user_due AS t WHERE t.user_id = user_state.user_id",
        "CREATE INDEX user_state_due ON user_state (due_at)",
    )


def lay_back(url: str) -> None:
    """Move what the old way wrote into ``user_due``: nobody is due later than before there, and only then was evaluated."""
    _run(
        url,
        "UPDATE user_due SET due_at = s.due_at, cause = s.due_cause, evaluated_at = s.refreshed_at"
        " FROM user_state AS s WHERE s.user_id = user_due.user_id AND s.due_at < user_due.due_at",
        "DROP INDEX user_state_due",
        *(f"ALTER TABLE user_state DROP COLUMN {name}" for name in _COLUMNS),
    )


def every_row(dialect: Dialect, signatures: Mapping[str, str]) -> tuple[str, ...]:
    """Return the statements of the old way, over the old tables."""
    new = assignments(dialect)
    columns = ("edge_at", *(f"wait_{slot}" for slot in SLOTS))
    due = dialect.least("s.due_at", due_at(dialect, {name: new.get(name, f"s.{name}") for name in columns}))
    again = f"CASE WHEN {new.get('edge_at', 's.edge_at')} <= :now + 1 THEN :cause END"
    old = {**new, "due_at": due, "due_cause": again, "refreshed_at": ":now"}
    changes = ", ".join(f"{column} = {sql}" for column, sql in old.items())
    return (*moves(dialect, signatures), f"UPDATE user_state AS s SET {changes}")


def _run(url: str, *statements: str) -> None:
    with closing(Database(url)) as database, database.write() as connection:
        for sql in statements:
            connection.execute(statement(sql))
