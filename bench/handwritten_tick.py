"""A tick after new events, as a database engineer would write it by hand: only users who have news are evaluated.

Their facts come from one GROUP BY over their events; then they are placed. All of them have new facts, so no guard is
needed against writing rows that do not differ. Triggers, steps and dates are left out.
"""

from collections.abc import Mapping, Sequence

from bench.handwritten_changed import CARRIED, fill_changed, transitions, write_due
from bench.handwritten_facts import facts
from bench.scores import SCORES, Cuts, scores
from engine.store.dialects import Dialect


def users_with_news(
    dialect: Dialect, signatures: Mapping[str, str], names: Sequence[str], cuts: Cuts
) -> tuple[str, ...]:
    """Return the statements.

    Args:
        dialect: the database's.
        signatures: the SQL of each dimension's signature, taken from the rules.
        names: all facts.
        cuts: the cut points of each score.
    """
    computed = [name for name in names if name not in SCORES]
    listed = [f"f.{name} AS fact_{name}" for name in computed]
    listed += [f"{sql} AS fact_{name}" for name, sql in scores(cuts, "f.{}").items()]
    placed = ", ".join(f"s.{name}" for name in CARRIED if name != "edge_at")
    fresh = facts(dialect, "JOIN fresh AS n ON n.user_id = u.id")
    looked = (
        f"CREATE TEMPORARY TABLE looked AS SELECT f.user_id, f.edge_at, {', '.join(listed)}, {placed}"
        f" FROM ({fresh}) AS f JOIN user_state AS s ON s.user_id = f.user_id"
    )
    return (
        "DROP TABLE IF EXISTS fresh",
        dialect.create_temporary("fresh", f"user_id {dialect.key_type} PRIMARY KEY", clustered=False),
        "INSERT INTO fresh SELECT DISTINCT user_id FROM user_news WHERE due_at <= :now",
        "DELETE FROM user_news WHERE due_at <= :now",
        dialect.analyse_temporary("fresh"),
        "DROP TABLE IF EXISTS looked",
        looked,
        *fill_changed(dialect, "looked AS s", "CAST(0 AS BIGINT)"),
        *transitions(signatures, "looked"),
        _state(names),
        write_due("true"),
    )


def _state(names: Sequence[str]) -> str:
    columns = [*(f"fact_{name}" for name in names), *CARRIED]
    values = [*(f"l.fact_{name}" for name in names), *(f"c.{name}" for name in CARRIED)]
    return (
        f"INSERT INTO user_state AS s (user_id, {', '.join(columns)}) SELECT l.user_id, {', '.join(values)}"
        " FROM looked AS l JOIN changed AS c ON c.user_id = l.user_id WHERE true ON CONFLICT (user_id) DO UPDATE SET"
        f" {', '.join(f'{name} = excluded.{name}' for name in columns)}"
    )
