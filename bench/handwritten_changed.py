"""Users' new places, waits and due instants in a temporary table ``changed``, by hand; transitions are written from it.

``OFFSET`` keeps the databases from merging the levels of the query, which would compute each expression several times.
"""

from collections.abc import Mapping

from bench.handwritten_rules import EXCLUSIVE, GRACES, INTO, LIFECYCLE_RULE, SEGMENTS, due_at, needs, new_values
from bench.handwritten_update import segment_moves
from engine.store.dialects import Dialect

WAITS = tuple(f"wait_{slot}" for slot in GRACES)
CARRIED = (
    *(f"place_{name}" for name in (*EXCLUSIVE, "needs")),
    *(f"since_{slot}" for slot in (*EXCLUSIVE, *(f"needs__{name}" for name in SEGMENTS))),
    *WAITS,
    "edge_at",
)
"""The columns of ``user_state`` that a placement sets."""
_OLD = (*(f"place_{name}" for name in EXCLUSIVE), *WAITS, "edge_at")
_FLAGS = tuple(f"{word}_{name}" for name in SEGMENTS for word in ("was", "is"))
_NAMES = ("user_id", *(f"old_place_{name}" for name in EXCLUSIVE), *_FLAGS, *CARRIED, "due_at", "old_due_at")


def fill_changed(dialect: Dialect, source: str, old_due_at: str) -> tuple[str, ...]:
    """Return the statements that create and fill ``changed``.

    Args:
        dialect: the database's.
        source: what follows FROM: rows ``s`` with the columns of ``user_state``.
        old_due_at: SQL of when the user was due before.
    """
    names = ", ".join(f"x.{name}" for name in _NAMES)
    return (
        "DROP TABLE IF EXISTS changed",
        dialect.create_temporary("changed", ", ".join(_typed(dialect)), clustered=False),
        f"INSERT INTO changed SELECT {names} FROM ({_evaluated(dialect, source, old_due_at)}) AS x",
        dialect.analyse_temporary("changed"),
    )


def _typed(dialect: Dialect) -> list[str]:
    texts = {f"{word}place_{name}" for name in (*EXCLUSIVE, "needs") for word in ("", "old_")}
    key = f"user_id {dialect.key_type} PRIMARY KEY"
    return [key, *(f"{name} {'TEXT' if name in texts else 'BIGINT'}" for name in _NAMES[1:])]


def _evaluated(dialect: Dialect, source: str, old_due_at: str) -> str:
    """Return the query for old and new values, in two levels: places and waits, then what follows from both."""
    new = new_values(dialect)
    since = (f"s.since_{slot}" for slot in (*EXCLUSIVE, *(f"needs__{name}" for name in SEGMENTS)))
    inner = (
        "s.user_id",
        "s.fact_last_order_at",
        "s.fact_first_order_at",
        f"{old_due_at} AS old_due_at",
        *(f"s.{name} AS old_{name}" for name in _OLD),
        *since,
        *(f"{sql} AS {column}" for column, sql in new.items()),
    )
    moved = {
        **{name: f"s.place_{name} <> s.old_place_{name}" for name in EXCLUSIVE},
        **{f"needs__{name}": f"s.is_{name} <> s.was_{name}" for name in SEGMENTS},
    }
    columns = {"edge_at": "s.edge_at", **{wait: f"s.{wait}" for wait in WAITS}}
    outer = (
        "s.user_id",
        "s.old_due_at",
        *(f"s.old_{name}" for name in _OLD),
        *(f"s.place_{name}" for name in EXCLUSIVE),
        *(f"s.{name}" for name in (*_FLAGS, *WAITS, "edge_at")),
        *(f"CASE WHEN {sql} THEN :now ELSE s.since_{slot} END AS since_{slot}" for slot, sql in moved.items()),
        f"{needs({f'is_{name}': f's.is_{name}' for name in SEGMENTS})} AS place_needs",
        f"{due_at(dialect, columns)} AS due_at",
    )
    fence = "LIMIT -1 OFFSET 0" if dialect.name == "sqlite" else "OFFSET 0"
    return f"SELECT {', '.join(outer)} FROM (SELECT {', '.join(inner)} FROM {source} {fence}) AS s {fence}"


def transitions(signatures: Mapping[str, str], rows: str) -> tuple[str, ...]:
    """Return the statements that write the transitions of ``changed``.

    ``signatures`` has the SQL of each dimension's signature over ``s``, a row of ``rows`` as it was evaluated.
    """
    joined = f"changed AS c JOIN {rows} AS s ON s.user_id = c.user_id"
    exclusive = [_moves(name, signatures[name], joined) for name in EXCLUSIVE]
    flags = ", ".join(f"c.{flag}" for flag in _FLAGS)
    differ = " OR ".join(f"c.was_{name} <> c.is_{name}" for name in SEGMENTS)
    segments = (
        f"{INTO} WITH x AS MATERIALIZED (SELECT c.user_id, {flags}, {signatures['needs']} AS signature FROM {joined}"
        f" WHERE {differ}) {segment_moves('x')}"
    )
    return (*exclusive, segments)


def _moves(name: str, signature: str, joined: str) -> str:
    rule = LIFECYCLE_RULE if name == "lifecycle" else f"'{name}.' || c.place_{name} || '.when'"
    return (
        f"{INTO} SELECT s.user_id, '{name}', c.old_place_{name}, c.place_{name}, :now, :cause, {rule}, :version,"
        f" {signature} FROM {joined} WHERE c.place_{name} <> c.old_place_{name}"
    )


def write_due(where: str) -> str:
    """Return the statement that writes when the users of ``changed`` who meet ``where`` are due next."""
    return (
        "INSERT INTO user_due AS d (user_id, due_at, cause, evaluated_at) SELECT user_id, due_at,"
        f" CASE WHEN due_at <= :now + 1 THEN :cause END, :now FROM changed WHERE {where} ON CONFLICT (user_id)"
        " DO UPDATE SET due_at = excluded.due_at, cause = excluded.cause, evaluated_at = excluded.evaluated_at"
    )
