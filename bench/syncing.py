"""What it costs that delivery syncs what it commits before the wire, on SQLite.

``python -m bench.syncing --size N`` drains the same queue of N emails into the same sink, alternately with and without
syncing. The floor is the same program that leaves syncing to checkpoints, so a power cut would make it forget what it sent.
"""

import asyncio
import os
import shutil
import statistics
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection

from bench.common import Timing, interleaved_timings, report, scratch, seconds, size_from_command_line, timed
from bench.drain import delivery, processes, sink
from bench.queued import Queue, seed
from engine.store.database import Database

BAR = 1.25
ROUNDS = 5
SYNCS = 50


class Unsynced(Database):
    """A store in which nothing is durable before the next checkpoint."""

    @contextmanager
    def write(self, on: Connection | None = None, *, durable: bool = False) -> Iterator[Connection]:
        """Open a transaction that is not synced, whatever is asked for."""
        with super().write(on) as connection:
            yield connection


def drained(folder: Path, port: int, size: int, store: type[Database]) -> Timing:
    """Drain a fresh copy of the queue; return how long it took."""
    path = Path(shutil.copyfile(folder / "full.db", folder / "run.db"))
    database = store(f"sqlite:///{path}")
    with closing(processes()) as composers:
        worker = delivery(database, port, composers)
        taken = timed(lambda: asyncio.run(worker.drain()))
    with database.read() as connection:
        accepted = connection.exec_driver_sql("SELECT count(*) FROM action WHERE state = 'accepted'").scalar_one()
    database.close()
    for leftover in folder.glob("run.db*"):
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    assert accepted == size, accepted
    return taken


def one_sync(folder: Path) -> float:
    """Return the median time of a small write that is synced, in seconds: what this disk asks for each group."""
    file = os.open(folder / "synced", os.O_WRONLY | os.O_CREAT)

    def write() -> None:
        os.write(file, bytes(4_096))
        os.fsync(file)

    try:
        return statistics.median(seconds(write) for _ in range(SYNCS))
    finally:
        os.close(file)


def main() -> int:
    """Measure and print."""
    size = size_from_command_line(20_000, "messages")
    with scratch() as folder, sink() as (port, kind):
        database = Database(f"sqlite:///{folder / 'full.db'}")
        seed(database, Queue(size))
        database.close()
        floor, ours = interleaved_timings(
            ROUNDS,
            lambda: drained(folder, port, size, Unsynced),
            lambda: drained(folder, port, size, Database),
        )
        sync = one_sync(folder)
    fine = report(
        "syncing",
        ratio=ours.wall / floor.wall,
        bar=BAR,
        at_most=True,
        size=size,
        sink=kind,
        rate=round(size / ours.wall),
        unsynced_rate=round(size / floor.wall),
        cpu_ratio=round(ours.cpu / floor.cpu, 3),
        one_sync_ms=round(sync * 1_000, 2),
    )
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
