"""Full re-evaluation, compared with engines that evaluate one user at a time: durable_rules, zen-engine, rule-engine.

Our time is that of the whole ``full_placing``: decisions, placements, waits, transitions and ``due_at``, all written.
Theirs is for reading a sample of the same store's rows, evaluating the same conditions and deciding, extrapolated. They
do without ``lock`` and ``grace``, instants, the log and all writes. For every sampled user they must arrive at the
same places as the production path does once no grace is running.

``ratio`` evaluates all conditions as separate expressions, the usual form of rules in these packages.
``short_circuit_ratio`` stops at the first condition that is true. ``one_expression_ratio`` evaluates all conditions of
the brand in one list expression, which saves most calls into the engine. durable_rules returns all matches anyway.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.common import Timing, in_subprocess, interleaved_timings, report, scratch, size_from_command_line, timed
from bench.full_placing import place_everyone, placed_store
from bench.peer_rules import (
    Compiled,
    Place,
    Standing,
    by_durable_rules,
    by_every_condition,
    by_first_match,
    by_one_expression,
    rows,
    rule_engine_expression,
    zen_expression,
)
from bench.population import brand_content, copy_store
from engine.loading import Content
from engine.store.database import Database

FULL_SIZE = 1_000_000
RUNS = 3


@dataclass(frozen=True, slots=True)
class Peer:
    """One engine: its bar, how many users are sampled, and its placers; the first gives ``ratio``."""

    name: str
    bar: float
    sample: int
    placers: dict[str, Callable[[], Place]]


def _all_ways(compiled: Compiled) -> dict[str, Callable[[], Place]]:
    return {
        "ratio": lambda: by_every_condition(compiled),
        "short_circuit_ratio": lambda: by_first_match(compiled),
        "one_expression_ratio": lambda: by_one_expression(compiled),
    }


PEERS = (
    Peer("durable_rules", 3.0, 20_000, {"ratio": by_durable_rules}),
    Peer("zen_engine", 10.0, 10_000, _all_ways(zen_expression)),
    Peer("rule_engine", 50.0, 4_000, _all_ways(rule_engine_expression)),
)


def _decide(path: Path, place: Place, count: int) -> None:
    connection = sqlite3.connect(path)
    for row, standing in rows(connection, count):
        place(row, standing)
    connection.close()


def _wanted(source: Path, content: Content, count: int) -> list[Standing]:
    """Return where the production path places the sampled users once every grace has ended."""
    path = copy_store(source, "wanted.db")
    database = Database(f"sqlite:///{path}")
    waits = [slot.wait for dimension in content.rules.dimensions for slot in dimension.slots if slot.graces]
    with database.write() as connection:
        connection.exec_driver_sql(f"DELETE FROM user_state WHERE user_id > {count}")
        connection.exec_driver_sql(f"UPDATE user_state SET {', '.join(f'{wait} = 1' for wait in waits)}")
    place_everyone(database, content)
    database.close()
    store = sqlite3.connect(path)
    found = [standing for _, standing in rows(store, count)]
    store.close()
    return found


def _check(source: Path, place: Place, wanted: list[Standing]) -> None:
    connection = sqlite3.connect(source)
    for (row, standing), theirs in zip(rows(connection, len(wanted)), wanted, strict=True):
        if place(row, standing) != theirs:
            raise AssertionError(f"two engines disagree: {place(row, standing)} and {theirs}")
    connection.close()


def main() -> bool:
    """Measure and report each engine."""
    size = size_from_command_line(FULL_SIZE, "users")
    with scratch() as folder:
        source, content = folder / "source.db", brand_content()
        in_subprocess(placed_store, source, size)

        def ours() -> Timing:
            database = Database(f"sqlite:///{copy_store(source, 'ours.db')}")
            taken = timed(lambda: place_everyone(database, content))
            database.close()
            return taken

        wanted = _wanted(source, content, min(size, max(peer.sample for peer in PEERS)))
        fine = [_measure(peer, source, wanted[: min(size, peer.sample)], ours, size) for peer in PEERS]
        return all(fine)


def _measure(peer: Peer, source: Path, wanted: list[Standing], ours: Callable[[], Timing], size: int) -> bool:
    count = len(wanted)
    placers = [make() for make in peer.placers.values()]
    for place in placers:
        _check(source, place, wanted)
    works = [lambda p=place: timed(lambda: _decide(source, p, count)) for place in placers]
    mine, *theirs = interleaved_timings(RUNS, ours, *works)
    ratios = {
        name: round(taken.wall * size / count / mine.wall, 3)
        for name, taken in zip(peer.placers, theirs, strict=True)
        if name != "ratio"
    }
    return report(
        f"placing_against_{peer.name}",
        ratio=theirs[0].wall * size / count / mine.wall,
        bar=peer.bar,
        at_most=False,
        cpu_ratio=round(theirs[0].cpu * size / count / mine.cpu, 3),
        size=size,
        sample=count,
        seconds=round(mine.wall, 2),
        floor=round(theirs[0].wall * size / count, 2),
        **ratios,
    )


if __name__ == "__main__":
    raise SystemExit(not main())
