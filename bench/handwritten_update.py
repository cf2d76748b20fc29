"""The old way, kept as a measure: a re-evaluation that rewrites every row, whether anything in it changes or not.

Transitions are written for places that change, then one UPDATE without a join rewrites every row of ``user_state``, and
another statement every row of ``user_due``. (Computing the new places once into a temporary table and joining it is no
faster, is slower with a million users, and takes 400 MB of memory.)
"""

from collections.abc import Mapping

from bench.handwritten_rules import (
    EXCLUSIVE,
    INTO,
    LIFECYCLE_RULE,
    SEGMENTS,
    SLOTS,
    due_at,
    needs,
    new_values,
    write_due,
)
from engine.store.dialects import Dialect


def every_row(dialect: Dialect, signatures: Mapping[str, str]) -> tuple[str, ...]:
    """Return the statements; ``signatures`` has the SQL of each dimension's signature, taken from the rules."""
    changes = ", ".join(f"{column} = {sql}" for column, sql in assignments(dialect).items())
    return (*moves(dialect, signatures), f"UPDATE user_state AS s SET {changes}", _due(dialect))


def moves(dialect: Dialect, signatures: Mapping[str, str]) -> tuple[str, ...]:
    """Return the statements that write transitions; ``signatures`` as in ``every_row``."""
    new = new_values(dialect)
    rules = {name: f"'{name}.' || {new[f'place_{name}']} || '.when'" for name in EXCLUSIVE}
    rules["lifecycle"] = LIFECYCLE_RULE
    found = [_moves(name, new[f"place_{name}"], rules[name], signatures[name]) for name in EXCLUSIVE]
    return (*found, _segment_moves(new, signatures["needs"]))


def _moves(name: str, place: str, rule: str, signature: str) -> str:
    was = f"s.place_{name}"
    return (
        f"{INTO} SELECT s.user_id, '{name}', {was}, {place}, :now, :cause, {rule}, :version, {signature}"
        f" FROM user_state AS s WHERE {place} <> {was}"
    )


def _segment_moves(new: Mapping[str, str], signature: str) -> str:
    flags = ", ".join(f"{new[f'{word}_{name}']} AS {word}_{name}" for name in SEGMENTS for word in ("was", "is"))
    differ = " OR ".join(f"{new[f'was_{name}']} <> {new[f'is_{name}']}" for name in SEGMENTS)
    return (
        f"{INTO} WITH x AS MATERIALIZED (SELECT s.user_id, {flags}, {signature} AS signature FROM user_state AS s"
        f" WHERE {differ}) {segment_moves('x')}"
    )


def segment_moves(source: str) -> str:
    """Return the query for the transitions of segments, from ``was_`` and ``is_`` of ``source``."""
    return " UNION ALL ".join(
        f"SELECT user_id, 'needs', CASE was_{name} WHEN 1 THEN '{name}' END, CASE is_{name} WHEN 1 THEN '{name}' END,"
        f" :now, :cause, CASE is_{name} WHEN 1 THEN 'needs.{name}.when' ELSE 'none' END, :version, signature"
        f" FROM {source} WHERE was_{name} <> is_{name}"
        for name in SEGMENTS
    )


def assignments(dialect: Dialect) -> dict[str, str]:
    """Return column -> SQL of its new value, over ``user_state AS s``, for all that a re-evaluation can change."""
    new = new_values(dialect)
    since = {
        **{name: (f"s.place_{name}", new[f"place_{name}"]) for name in EXCLUSIVE},
        **{f"needs__{name}": (new[f"was_{name}"], new[f"is_{name}"]) for name in SEGMENTS},
    }
    return {
        **{column: sql for column, sql in new.items() if not column.startswith(("was_", "is_"))},
        **{
            f"since_{slot}": f"CASE WHEN {was} <> {now} THEN :now ELSE s.since_{slot} END"
            for slot, (was, now) in since.items()
        },
        "place_needs": needs(new),
    }


def _due(dialect: Dialect) -> str:
    computed = due_at(dialect, {"edge_at": "s.edge_at", **{f"wait_{slot}": f"s.wait_{slot}" for slot in SLOTS}})
    return write_due(dialect, f"SELECT s.user_id, {computed} FROM user_state AS s")
