"""Full re-evaluation against rule engines that are fed user by user: durable_rules, zen-engine, rule-engine.

Ours is the whole of ``full_placing``: placements and transitions written. Theirs is reading the rows from the same store
and deciding, on a sample, extrapolated; nothing is written. Their decisions must equal ours on every sampled user.
"""

import sqlite3
from pathlib import Path

from bench.common import interleaved, report, scratch, seconds, size_from_command_line
from bench.full_placing import place_everyone
from bench.peer_rules import Place, by_durable_rules, by_rule_engine, by_zen, rows
from bench.population import copy_store, population_store
from engine.store.database import Database

FULL_SIZE = 1_000_000
RUNS = 3
ENGINES = (
    ("durable_rules", by_durable_rules, 3.0, 20_000),
    ("zen_engine", by_zen, 10.0, 10_000),
    ("rule_engine", by_rule_engine, 50.0, 2_000),
)
"""Name, its placer, the bar, how many users are sampled."""


def _decide(path: Path, place: Place, count: int) -> None:
    connection = sqlite3.connect(path)
    for row, placed in rows(connection, count):
        if place(row) != placed:
            raise AssertionError(f"two engines disagree: {place(row)} and {placed}")
    connection.close()


def main() -> bool:
    """Measure and report each engine."""
    size = size_from_command_line(FULL_SIZE, "users")
    with scratch() as folder:
        source, content = population_store(folder / "source.db", size)
        ours = folder / "ours.db"

        def place_all() -> float:
            database = Database(f"sqlite:///{copy_store(source, ours.name)}")
            taken = seconds(lambda: place_everyone(database, content))
            database.close()
            return taken

        placers = [(make(), min(sample, size)) for _name, make, _bar, sample in ENGINES]
        works = [lambda p=place, n=count: seconds(lambda: _decide(ours, p, n)) for place, count in placers]
        mine, *theirs = interleaved(RUNS, place_all, *works)
        fine = []
        for (name, _make, bar, _sample), (_place, count), taken in zip(ENGINES, placers, theirs, strict=True):
            extrapolated = taken / count * size
            fine.append(
                report(
                    f"placing_against_{name}",
                    ratio=extrapolated / mine,
                    bar=bar,
                    at_most=False,
                    size=size,
                    sample=count,
                    seconds=round(mine, 2),
                    floor=round(extrapolated, 2),
                )
            )
        return all(fine)


if __name__ == "__main__":
    raise SystemExit(not main())
