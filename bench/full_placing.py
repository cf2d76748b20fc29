"""Full re-evaluation: every user looked at in every dimension, placements applied, transitions written.

``full_placing`` is what a worker does after a change of rules or a standstill: everybody was placed before, some users'
facts have moved up or down since, ``keep`` and ``grace`` count, everybody is due. ``first_placing`` is the heaviest
case: nobody has been placed, so every row is rewritten in every dimension, with about five transitions each. Both run
against SQL written by hand for this one brand, on copies of one store; the end states are compared row by row.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from bench import handwritten, handwritten_again
from bench.common import Spent, interleaved_spent, report, scratch, size_from_command_line, spent
from bench.population import NOW, change_facts, close_store, copy_store, population_store
from engine.clock import DAY, Instant
from engine.loading import Content
from engine.rules.decider import Deciders
from engine.rules.placing import Placing
from engine.settings import ScheduleSettings
from engine.store.database import Database
from engine.store.dialect import Dialect
from engine.store.temporary import take_due_users

BAR = 3.0
FULL_SIZE = 1_000_000
RUNS = 3
HISTORY = tuple(Instant(NOW - days * DAY) for days in (50, 35, 10))
"""When everybody was placed before; at ``NOW`` some graces are over, some still run."""


def place_everyone(database: Database, content: Content, now: Instant = NOW) -> None:
    """Place all due users by the production path, in chunks of the default size."""
    placing = Placing(content.rules, database.dialect, Deciders(), content.turning_points())
    while True:
        with database.write() as connection:
            if not take_due_users(connection, database.dialect, now, ScheduleSettings().chunk):
                return
            placing.run(connection, now)


def placed_store(path: Path, size: int) -> tuple[Path, Content]:
    """Make a store of users who were placed before, whose facts have moved since, and who are all due at ``NOW``."""
    _, content = population_store(path, size, HISTORY[0])
    database = Database(f"sqlite:///{path}")
    for last, following in pairwise((*HISTORY, NOW)):
        place_everyone(database, content, last)
        with database.write() as connection:
            change_facts(connection, following)
    database.close()
    close_store(path)
    return path, content


def _by_hand(path: Path, content: Content, transitions: dict[str, str], place: str) -> None:
    """Place everybody with SQL written for this one brand, as one transaction."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "temp_store = MEMORY", "cache_size = -65536"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("BEGIN IMMEDIATE")
    for dimension, sql in transitions.items():
        signature = content.rules.dimension(dimension).signature_sql(Dialect.SQLITE)
        connection.execute(sql.replace("{signature}", signature), {"now": NOW, "version": content.rules.version})
    connection.execute(place, {"now": NOW})
    connection.execute("COMMIT")
    connection.close()


def first_by_hand(path: Path, content: Content) -> None:
    """Place users who were never placed."""
    _by_hand(path, content, handwritten.TRANSITIONS, handwritten.PLACE)


def again_by_hand(path: Path, content: Content) -> None:
    """Place users who were placed before."""
    _by_hand(path, content, handwritten_again.TRANSITIONS, handwritten_again.PLACE)


def _differences(ours: Path, theirs: Path) -> int:
    """Count the rows in which the two end states differ: whole rows of users, and transitions but for their number."""
    connection = sqlite3.connect(ours)
    connection.execute("ATTACH ? AS theirs", (str(theirs),))
    total = 0
    for columns, table in (
        ("*", "user_state"),
        ("user_id, dimension, from_place, to_place, at, rule, rules_version, signature", "transition"),
    ):
        for one, other in (("main", "theirs"), ("theirs", "main")):
            sql = f"SELECT count(*) FROM (SELECT {columns} FROM {one}.{table} EXCEPT SELECT {columns} FROM {other}.{table})"
            total += connection.execute(sql).fetchone()[0]
        sql = f"SELECT (SELECT count(*) FROM main.{table}) - (SELECT count(*) FROM theirs.{table})"
        total += abs(connection.execute(sql).fetchone()[0])
    connection.close()
    return total


@dataclass(frozen=True, slots=True)
class _Measure:
    name: str
    make: Callable[[Path, int], tuple[Path, Content]]
    by_hand: Callable[[Path, Content], None]


MEASURES = (
    _Measure("full_placing", placed_store, again_by_hand),
    _Measure("first_placing", population_store, first_by_hand),
)


def _measure(one: _Measure, folder: Path, size: int) -> bool:
    source, content = one.make(folder / "source.db", size)

    def ours() -> Spent:
        database = Database(f"sqlite:///{copy_store(source, 'ours.db')}")
        taken = spent(lambda: place_everyone(database, content))
        database.close()
        return taken

    def theirs() -> Spent:
        path = copy_store(source, "theirs.db")
        return spent(lambda: one.by_hand(path, content))

    mine, floor = interleaved_spent(RUNS, ours, theirs)
    differing = _differences(folder / "ours.db", folder / "theirs.db")
    fine = report(
        one.name,
        ratio=mine.wall / floor.wall,
        bar=BAR,
        at_most=True,
        cpu_ratio=round(mine.cpu / floor.cpu, 3),
        size=size,
        seconds=round(mine.wall, 2),
        floor=round(floor.wall, 2),
        cpu_seconds=round(mine.cpu, 2),
        cpu_floor=round(floor.cpu, 2),
        **_moved(folder / "ours.db"),
        differing_rows=differing,
    )
    return fine and not differing


def _moved(store: Path) -> dict[str, int]:
    """Return how many users moved at ``NOW`` and how many wait to."""
    connection = sqlite3.connect(store)
    columns = [name for _, name, *_ in connection.execute("PRAGMA table_info(user_state)") if name.startswith("wait_")]
    moved = connection.execute("SELECT count(DISTINCT user_id) FROM transition WHERE at = ?", (NOW,)).fetchone()[0]
    waiting = connection.execute(f"SELECT count(*) FROM user_state WHERE coalesce({', '.join(columns)}) IS NOT NULL")
    found = {"moved": moved, "waiting": waiting.fetchone()[0]}
    connection.close()
    return found


def main() -> bool:
    """Measure, compare, report."""
    size = size_from_command_line(FULL_SIZE, "users")
    fine = []
    for one in MEASURES:
        with scratch() as folder:
            fine.append(_measure(one, folder, size))
    return all(fine)


if __name__ == "__main__":
    raise SystemExit(not main())
