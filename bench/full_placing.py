"""Full re-evaluation: every user placed in every dimension, transitions written, against hand-written SQL.

Both sides start from copies of one store with stored facts and nobody placed, which is the heaviest case: every row is
rewritten and a transition written for every user and dimension. The end states are compared row by row.
"""

import sqlite3
from pathlib import Path

from bench.common import interleaved, report, scratch, seconds, size_from_command_line
from bench.handwritten import PLACE, TRANSITIONS
from bench.population import NOW, copy_store, population_store
from engine.loading import Content
from engine.rules.decider import Deciders
from engine.rules.placing import Placing
from engine.store.database import Database
from engine.store.temporary import take_due_users

NAME = "full_placing"
BAR = 3.0
FULL_SIZE = 1_000_000
RUNS = 3
_STATE = "place_value, place_activity, place_contribution, place_lifecycle, place_needs, due_at"


def place_everyone(database: Database, content: Content, chunk: int = 50_000) -> None:
    """Place all due users by the production path, chunk by chunk."""
    placing = Placing(content.rules, database.dialect, Deciders(), content.turning_points())
    while True:
        with database.write() as connection:
            if not take_due_users(connection, database.dialect, NOW, chunk):
                return
            placing.run(connection, NOW)


def by_hand(path: Path, content: Content) -> None:
    """Do the same with SQL written for this one brand."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "temp_store = MEMORY", "cache_size = -65536"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("BEGIN IMMEDIATE")
    binds = {"now": NOW, "version": content.rules.version}
    for dimension, sql in TRANSITIONS.items():
        signature = content.rules.dimension(dimension).signature_sql(Database(f"sqlite:///{path}").dialect)
        connection.execute(sql.replace("{signature}", signature), binds)
    connection.execute(PLACE, {"now": NOW})
    connection.execute("COMMIT")
    connection.close()


def _differences(ours: Path, theirs: Path) -> int:
    """Count the rows in which the two end states differ."""
    connection = sqlite3.connect(ours)
    connection.execute("ATTACH ? AS theirs", (str(theirs),))
    total = 0
    for columns, table in (
        (f"user_id, {_STATE}", "user_state"),
        ("user_id, dimension, from_place, to_place, at, rule, rules_version, signature", "transition"),
    ):
        for one, other in (("main", "theirs"), ("theirs", "main")):
            sql = f"SELECT count(*) FROM (SELECT {columns} FROM {one}.{table} EXCEPT SELECT {columns} FROM {other}.{table})"
            total += connection.execute(sql).fetchone()[0]
    connection.close()
    return total


def main() -> bool:
    """Measure, compare, report."""
    size = size_from_command_line(FULL_SIZE, "users")
    with scratch() as folder:
        source, content = population_store(folder / "source.db", size)

        def ours() -> float:
            database = Database(f"sqlite:///{copy_store(source, 'ours.db')}")
            taken = seconds(lambda: place_everyone(database, content))
            database.close()
            return taken

        def theirs() -> float:
            path = copy_store(source, "theirs.db")
            return seconds(lambda: by_hand(path, content))

        mine, floor = interleaved(RUNS, ours, theirs)
        differing = _differences(folder / "ours.db", folder / "theirs.db")
        return (
            report(
                NAME,
                ratio=mine / floor,
                bar=BAR,
                at_most=True,
                size=size,
                seconds=round(mine, 2),
                floor=round(floor, 2),
                differing_rows=differing,
            )
            and not differing
        )


if __name__ == "__main__":
    raise SystemExit(not main())
