"""The sweep, compared with engines that evaluate one user at a time: durable_rules, zen-engine, rule-engine.

Our time is that of the whole tick of ``sweep`` on SQLite: decisions, placements, waits, transitions and due instants, all
written. Theirs is for reading a sample of the same store's rows, evaluating the same conditions and deciding, extrapolated. They
do without ``lock`` and ``grace``, instants, the log and all writes. For every sampled user they must arrive at the
same places as the production path does once no grace is running.

``ratio`` evaluates all conditions as separate expressions, the usual form of rules in these packages.
``short_circuit_ratio`` stops at the first condition that is true. ``one_expression_ratio`` evaluates all conditions of
the brand in one list expression, which saves most calls into the engine. durable_rules returns all matches anyway.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.common import in_subprocess, interleaved_timings, report, size_from_command_line, timed
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
from bench.placed import placed_store
from bench.population import NOW, app_of, brand_content
from bench.stores import sqlite_file, stores
from bench.sweep import Runs

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
    Peer("zen_engine", 8.0, 10_000, _all_ways(zen_expression)),
    Peer("rule_engine", 20.0, 4_000, _all_ways(rule_engine_expression)),
)


def _decide(path: Path, place: Place, count: int) -> None:
    connection = sqlite3.connect(path)
    for row, standing in rows(connection, count):
        place(row, standing)
    connection.close()


def _wanted(runs: Runs, count: int) -> list[Standing]:
    """Return where the production path places the sampled users once every grace has ended."""
    url = runs.stores.copy(runs.source, "wanted")
    dimensions = runs.content.rules.dimensions
    waits = [slot.wait for dimension in dimensions for slot in dimension.slots if slot.graces]
    app = app_of(url)
    with app.database.write() as connection:
        connection.exec_driver_sql(f"DELETE FROM user_state WHERE user_id > {count}")
        connection.exec_driver_sql(f"UPDATE user_state SET {', '.join(f'{wait} = 1' for wait in waits)}")
    app.tick(runs.content, NOW)
    app.close()
    store = sqlite3.connect(sqlite_file(url))
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
    with stores("sqlite") as kept:
        source = kept.fresh("source")
        in_subprocess(placed_store, source, size)
        kept.settle(source)
        runs = Runs(brand_content(playbooks=False), kept, source)
        wanted = _wanted(runs, min(size, max(peer.sample for peer in PEERS)))
        fine = [_measure(peer, runs, wanted[: min(size, peer.sample)], size) for peer in PEERS]
        return all(fine)


def _measure(peer: Peer, runs: Runs, wanted: list[Standing], size: int) -> bool:
    count, source = len(wanted), sqlite_file(runs.source)
    placers = [make() for make in peer.placers.values()]
    for place in placers:
        _check(source, place, wanted)
    works = [partial(timed, partial(_decide, source, place, count)) for place in placers]
    mine, *theirs = interleaved_timings(RUNS, runs.ours, *works)
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
