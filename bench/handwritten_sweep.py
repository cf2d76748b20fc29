"""A re-evaluation of everybody that writes only what changes, as a database engineer would write it by hand.

One scan finds the users who differ and keeps their new places, waits and due instants in a temporary table; all writes come
from that table.
"""

from collections.abc import Mapping

from bench.handwritten_changed import CARRIED, WAITS, fill_changed, transitions, write_due
from bench.handwritten_rules import EXCLUSIVE, SEGMENTS, due_at, new_values
from engine.store.dialects import Dialect


def changed_rows(dialect: Dialect, signatures: Mapping[str, str]) -> tuple[str, ...]:
    """Return the statements; ``signatures`` has the SQL of each dimension's signature, taken from the rules."""
    # CROSS, because SQLite would scan the index of `user_due` and look up wide rows in its order.
    source = f"user_state AS s CROSS JOIN user_due AS d WHERE d.user_id = s.user_id AND ({_differs(dialect)})"
    return (
        *fill_changed(dialect, source, "d.due_at"),
        *transitions(signatures, "user_state"),
        _state(),
        write_due("due_at < old_due_at"),
    )


def _differs(dialect: Dialect) -> str:
    """Return whether anything has to be written about a user."""
    new = new_values(dialect)
    columns = {"edge_at": "s.edge_at", **{wait: f"s.{wait}" for wait in WAITS}}
    return " OR ".join(
        [
            *(f"({new[f'place_{name}']}) <> s.place_{name}" for name in EXCLUSIVE),
            *(f"({new[f'is_{name}']}) <> ({new[f'was_{name}']})" for name in SEGMENTS),
            *(f"NOT {dialect.same(f'({new[column]})', f's.{column}')}" for column in (*WAITS, "edge_at")),
            # If nothing of this differs, the waits are those that the user has.
            f"{due_at(dialect, columns)} < d.due_at",
        ]
    )


def _state() -> str:
    """An upsert that never inserts: on SQLite faster than an UPDATE with a join."""
    return (
        f"INSERT INTO user_state AS s (user_id, {', '.join(CARRIED)}) SELECT user_id, {', '.join(CARRIED)} FROM changed"
        f" WHERE true ON CONFLICT (user_id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in CARRIED)}"
    )
