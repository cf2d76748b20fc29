"""Full re-evaluation: places every user in every dimension and writes transitions.

``full_placing`` is what a worker does after a change of rules or after downtime: all users have been placed before, the
facts of some have changed since, ``keep`` and ``grace`` apply, and all users are due. ``first_placing`` is the heaviest
case: nobody has been placed, so every row is rewritten in every dimension, with about five transitions each. Both are
compared with SQL written by hand for this one brand, on copies of the same store, and their end states are compared row
by row. Stores are built, and hand-written SQL is run, in other processes, so peak memory is that of the production path.
"""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from bench import handwritten_first, handwritten_update
from bench.common import Timing, in_subprocess, interleaved_timings, report, scratch, size_from_command_line, timed
from bench.population import NOW, brand_content, change_facts, close_store, copy_store, population_store
from engine.clock import DAY, Instant
from engine.loading import Content
from engine.rules.decide.decider import Deciders
from engine.rules.place.placing import Placing
from engine.settings import ScheduleSettings
from engine.store.database import Database
from engine.store.dialects.sqlite import SQLITE
from engine.store.due import take_due_users

BAR = 3.0
FULL_SIZE = 1_000_000
RUNS = 3
HISTORY = tuple(Instant(NOW - days * DAY) for days in (50, 35, 10))
"""When all users were placed before; at ``NOW`` some graces have ended, some are still running."""


def place_everyone(database: Database, content: Content, now: Instant = NOW) -> None:
    """Place all due users through the production path, in chunks of the default size."""
    placing = Placing(content.rules, database.dialect, Deciders(), content.turning_points())
    while True:
        with database.write() as connection:
            if not take_due_users(connection, database.dialect, now, ScheduleSettings().chunk):
                return
            placing.run(connection, now)


def placed_store(path: Path, size: int) -> None:
    """Make a store of users who were placed before, whose facts have changed since, and who are all due at ``NOW``."""
    population_store(path, size, HISTORY[0])
    content = brand_content()
    database = Database(f"sqlite:///{path}")
    for last, following in pairwise((*HISTORY, NOW)):
        place_everyone(database, content, last)
        with database.write() as connection:
            change_facts(connection, following)
    database.close()
    close_store(path)


@dataclass(frozen=True, slots=True)
class ByHand:
    """SQL written for this one brand."""

    transitions: Mapping[str, str]
    """Dimension -> statement; ``{signature}`` is filled in from the rules."""
    place: str

    def statements(self, content: Content) -> tuple[str, ...]:
        """Return the statements in order, with signatures filled in."""
        signatures = {d.name: d.signature_sql(SQLITE) for d in content.rules.dimensions}
        filled = [sql.replace("{signature}", signatures[name]) for name, sql in self.transitions.items()]
        return (*filled, self.place)


def run_by_hand(path: Path, statements: tuple[str, ...], version: str) -> Timing:
    """Run the statements in one transaction; return how long that took."""
    return timed(lambda: _run(path, statements, version))


def _run(path: Path, statements: tuple[str, ...], version: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "temp_store = MEMORY", "cache_size = -65536"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("BEGIN IMMEDIATE")
    for sql in statements:
        connection.execute(sql, {"now": NOW, "version": version})
    connection.execute("COMMIT")
    connection.close()


def _differences(ours: Path, theirs: Path) -> int:
    """Count the rows in which the two end states differ: whole user rows, and transitions apart from their IDs."""
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
    make: Callable[[Path, int], object]
    by_hand: ByHand


MEASURES = (
    _Measure("full_placing", placed_store, ByHand(handwritten_update.TRANSITIONS, handwritten_update.PLACE)),
    _Measure("first_placing", population_store, ByHand(handwritten_first.TRANSITIONS, handwritten_first.PLACE)),
)


def _measure(one: _Measure, folder: Path, size: int) -> bool:
    source = folder / "source.db"
    in_subprocess(one.make, source, size)
    content = brand_content()
    statements = one.by_hand.statements(content)

    def ours() -> Timing:
        database = Database(f"sqlite:///{copy_store(source, 'ours.db')}")
        taken = timed(lambda: place_everyone(database, content))
        database.close()
        return taken

    def theirs() -> Timing:
        return in_subprocess(run_by_hand, copy_store(source, "theirs.db"), statements, content.rules.version)

    mine, floor = interleaved_timings(RUNS, ours, theirs)
    differing = in_subprocess(_differences, folder / "ours.db", folder / "theirs.db")
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
    """Return how many users moved at ``NOW``, and how many are waiting to."""
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
