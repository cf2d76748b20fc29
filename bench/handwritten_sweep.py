"""A re-evaluation of everybody that writes only what changes, as a database engineer would write it by hand.

One scan finds the users who differ and keeps their new places, waits and due instants in a temporary table; all writes come
from that table. ``OFFSET`` keeps the databases from merging the levels of the query, which would compute each expression
several times.
"""

from collections.abc import Mapping

from bench.handwritten_rules import EXCLUSIVE, GRACES, INTO, LIFECYCLE_RULE, SEGMENTS, due_at, needs, new_values
from bench.handwritten_update import segment_moves
from engine.store.dialects import Dialect

_WAITS = tuple(f"wait_{slot}" for slot in GRACES)
_CARRIED = (
    *(f"place_{name}" for name in (*EXCLUSIVE, "needs")),
    *(f"since_{slot}" for slot in (*EXCLUSIVE, *(f"needs__{name}" for name in SEGMENTS))),
    *_WAITS,
    "edge_at",
)
"""The columns of ``user_state`` that the evaluation sets."""


def changed_rows(dialect: Dialect, signatures: Mapping[str, str]) -> tuple[str, ...]:
    """Return the statements; ``signatures`` has the SQL of each dimension's signature, taken from the rules."""
    moves = [_moves(name, signatures[name]) for name in EXCLUSIVE]
    return (
        "DROP TABLE IF EXISTS changed",
        dialect.create_temporary("changed", _columns(dialect), clustered=False),
        f"INSERT INTO changed {_changed(dialect)}",
        dialect.analyse_temporary("changed"),
        *moves,
        _segment_moves(signatures["needs"]),
        _state(),
        _due(),
    )


def _columns(dialect: Dialect) -> str:
    texts = {f"{word}place_{name}" for name in (*EXCLUSIVE, "needs") for word in ("", "old_")}
    return ", ".join(
        f"{name} {'TEXT' if name in texts else 'BIGINT'}" if name != "user_id" else f"user_id {dialect.key_type} PRIMARY KEY"
        for name in _names()
    )


def _names() -> tuple[str, ...]:
    flags = (f"{word}_{name}" for name in SEGMENTS for word in ("was", "is"))
    return ("user_id", *(f"old_place_{name}" for name in EXCLUSIVE), *flags, *_CARRIED, "due_at", "old_due_at")


def _changed(dialect: Dialect) -> str:
    """Return the query for the rows that differ."""
    return f"SELECT {', '.join(f'x.{name}' for name in _names())} FROM ({_evaluated(dialect)}) AS x"


def _differs(dialect: Dialect, new: Mapping[str, str]) -> str:
    """Return whether a row of ``user_state AS s`` has to be written."""
    return " OR ".join(
        [
            *(f"({new[f'place_{name}']}) <> s.place_{name}" for name in EXCLUSIVE),
            *(f"({new[f'is_{name}']}) <> ({new[f'was_{name}']})" for name in SEGMENTS),
            *(f"NOT {dialect.same(f'({new[column]})', f's.{column}')}" for column in (*_WAITS, "edge_at")),
        ]
    )


def _evaluated(dialect: Dialect) -> str:
    """Return the query for the old and new values of those who differ, in two levels."""
    new = new_values(dialect)
    columns = {"edge_at": "s.edge_at", **{wait: f"s.{wait}" for wait in _WAITS}}
    # Of a row that does not differ, the waits are those that it has.
    differs = f"{_differs(dialect, new)} OR {due_at(dialect, columns)} < d.due_at"
    old = [f"s.{name} AS old_{name}" for name in (*(f"place_{one}" for one in EXCLUSIVE), *_WAITS, "edge_at")]
    since = [f"s.since_{slot}" for slot in (*EXCLUSIVE, *(f"needs__{name}" for name in SEGMENTS))]
    values = [f"{sql} AS {column}" for column, sql in new.items()]
    inner = (
        f"SELECT s.user_id, s.fact_last_order_at, s.fact_first_order_at, d.due_at AS old_due_at,"
        f" {', '.join((*old, *since, *values))} FROM user_state AS s CROSS JOIN user_due AS d"
        # CROSS, because SQLite would scan the index of `user_due` and look up wide rows in its order.
        f" WHERE d.user_id = s.user_id AND ({differs}) {_fence(dialect)}"
    )
    flags = {f"is_{name}": f"s.is_{name}" for name in SEGMENTS}
    moved = {
        **{name: f"s.place_{name} <> s.old_place_{name}" for name in EXCLUSIVE},
        **{f"needs__{name}": f"s.is_{name} <> s.was_{name}" for name in SEGMENTS},
    }
    outer = [
        "s.user_id",
        "s.old_due_at",
        *(f"s.old_{name}" for name in (*(f"place_{one}" for one in EXCLUSIVE), *_WAITS, "edge_at")),
        *(f"s.place_{name}" for name in EXCLUSIVE),
        *(f"s.{word}_{name}" for name in SEGMENTS for word in ("was", "is")),
        *(f"s.{wait}" for wait in (*_WAITS, "edge_at")),
        *(f"CASE WHEN {sql} THEN :now ELSE s.since_{slot} END AS since_{slot}" for slot, sql in moved.items()),
        f"{needs(flags)} AS place_needs",
        f"{due_at(dialect, columns)} AS due_at",
    ]
    return f"SELECT {', '.join(outer)} FROM ({inner}) AS s {_fence(dialect)}"


def _fence(dialect: Dialect) -> str:
    return "LIMIT -1 OFFSET 0" if dialect.name == "sqlite" else "OFFSET 0"


def _moves(name: str, signature: str) -> str:
    rule = LIFECYCLE_RULE if name == "lifecycle" else f"'{name}.' || c.place_{name} || '.when'"
    return (
        f"{INTO} SELECT s.user_id, '{name}', c.old_place_{name}, c.place_{name}, :now, :cause, {rule}, :version,"
        f" {signature} FROM changed AS c JOIN user_state AS s ON s.user_id = c.user_id"
        f" WHERE c.place_{name} <> c.old_place_{name}"
    )


def _segment_moves(signature: str) -> str:
    flags = ", ".join(f"c.{word}_{name}" for name in SEGMENTS for word in ("was", "is"))
    differ = " OR ".join(f"c.was_{name} <> c.is_{name}" for name in SEGMENTS)
    return (
        f"{INTO} WITH x AS MATERIALIZED (SELECT c.user_id, {flags}, {signature} AS signature FROM changed AS c"
        f" JOIN user_state AS s ON s.user_id = c.user_id WHERE {differ}) {segment_moves('x')}"
    )


def _state() -> str:
    """An upsert that never inserts: on SQLite faster than an UPDATE with a join."""
    return (
        f"INSERT INTO user_state AS s (user_id, {', '.join(_CARRIED)}) SELECT user_id, {', '.join(_CARRIED)} FROM changed"
        f" WHERE true ON CONFLICT (user_id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _CARRIED)}"
    )


def _due() -> str:
    return (
        "INSERT INTO user_due AS d (user_id, due_at, cause, evaluated_at) SELECT user_id, due_at,"
        " CASE WHEN due_at <= :now + 1 THEN :cause END, :now FROM changed WHERE due_at < old_due_at ON CONFLICT (user_id)"
        " DO UPDATE SET due_at = excluded.due_at, cause = excluded.cause, evaluated_at = excluded.evaluated_at"
    )
