"""How long it takes to store an event while a sweep, and at first an import as well, are at work in other processes.

A worker works off the sweep of a rules change. Beside it, the program's importer reads a file with an event for every fifth
user. Every 20 ms one more event arrives, as from a shop's website, and is stored by one of several threads through the
program's intake, in a transaction of its own; this goes on until the sweep is over. The time of an event is that from its
arrival until it is committed, so an event that waits for a free thread counts from when it came, not from when its turn came.
"""

import csv
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count
from multiprocessing.synchronize import Barrier
from pathlib import Path

from sqlalchemy import Connection

from bench.common import choice_from_command_line, in_subprocess, report, scratch
from bench.placed import placed_store
from bench.population import NOW
from bench.processes import barrier, finish, start, work_off_sweep
from bench.stores import Stores, stores
from engine.clock import SECOND, FixedClock, iso
from engine.content.declared import Declared
from engine.content.value_types import ValueType
from engine.intake.files.importing import import_events
from engine.intake.files.options import ImportOptions
from engine.intake.files.source import Source
from engine.intake.rows.model import EventTuple
from engine.intake.write.events import write_events
from engine.store.database import Database

BARS = {"sqlite": 250.0, "postgresql": 50.0}
"""The 99th percentile, in milliseconds."""
FULL_SIZE = 1_000_000
PER_SECOND = 50
THREADS = 10
PATIENCE, PATIENCE_PER_USER = 60.0, 0.0005
"""Seconds after which a sweep that is not over is a failure: events keep it from its work."""
_DECLARED = Declared({"order_completed": {"amount": ValueType.MONEY, "category": ValueType.TEXT}})


def main() -> bool:
    """Measure and report."""
    choice = choice_from_command_line(FULL_SIZE, "users")
    with stores(choice.database) as kept, scratch() as folder:
        return measure(kept, folder, choice.database, choice.size)


def measure(kept: Stores, folder: Path, database: str, size: int) -> bool:
    """Run worker, importer and single events beside each other."""
    url = kept.fresh("store")
    in_subprocess(placed_store, url, size)
    kept.settle(url)
    file = folder / "events.csv"
    imported = _write_file(file, size)
    ready = barrier(3)
    worker, importer = start(work_off_sweep, url, ready), start(_import, url, file, ready)
    ready.wait()
    begin = time.perf_counter()
    with closing(Database(url)) as store:
        taken = _single_events(store, size, worker.is_alive)
        swept = time.perf_counter() - begin
        if worker.is_alive():
            worker.terminate()
            raise SystemExit(f"after {swept:.0f} seconds with {PER_SECOND} events in each, the sweep is still not over")
        finish((worker, importer))
        finished = time.perf_counter() - begin
        stored = _stored(store)
    if stored != imported + len(taken):
        raise SystemExit(f"{stored} events are stored, but {imported + len(taken)} were sent")
    percentiles = statistics.quantiles(taken, n=100, method="inclusive")
    return report(
        "stored_event_during_sweep", ratio=percentiles[98], bar=BARS[database], at_most=True, unit="ms",
        database=database, size=size, events=len(taken), median=round(percentiles[49], 1), maximum=round(max(taken), 1),
        sweep_seconds=round(swept, 1), all_seconds=round(finished, 1), imported=imported,
    )  # fmt: skip


def _single_events(store: Database, size: int, going_on: Callable[[], bool]) -> list[float]:
    """Store an event every 20 ms while it is ``going_on``; return how long each took, in milliseconds."""
    begin = time.perf_counter()
    patience = begin + PATIENCE + PATIENCE_PER_USER * size
    with ThreadPoolExecutor(THREADS) as threads:
        futures = []
        for number in count():
            arrival = begin + number / PER_SECOND
            time.sleep(max(0.0, arrival - time.perf_counter()))
            futures.append(threads.submit(_store_one, store, number, number * 7_919 % size + 1, arrival))
            if not going_on() or arrival > patience:
                break
    return [future.result() for future in futures]


def _store_one(store: Database, number: int, user: int, arrival: float) -> float:
    event: EventTuple = (f"single-{number}", f"u{user}", "page_viewed", int(NOW) - 1, None, '{"category": "home"}')

    def write(connection: Connection) -> None:
        write_events(connection, store.dialect, [event], NOW)

    store.in_transaction(write)
    return (time.perf_counter() - arrival) * SECOND


def _write_file(path: Path, size: int) -> int:
    """Write an order of every fifth user; return how many rows there are."""
    users = range(1, size + 1, 5)
    with path.open("w", encoding="utf-8", newline="") as file:
        write = csv.writer(file)
        write.writerow(("event_id", "customer_id", "event", "at", "amount", "category"))
        write.writerows(
            (f"imported-{user}", f"u{user}", "order_completed", iso(NOW - user), "19.90", "home") for user in users
        )
    return len(users)


def _import(url: str, path: Path, ready: Barrier) -> None:
    with closing(Database(url)) as store:
        ready.wait()
        import_events(store, Source(path), _DECLARED, ImportOptions(), FixedClock(NOW))


def _stored(store: Database) -> int:
    with store.read() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM event").scalar_one())


if __name__ == "__main__":
    raise SystemExit(not main())
