"""Chunks of a tick: how large they are while others wait."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection

from engine.bad_rows import BadRowIsolation
from engine.pipeline.chunks import Chunks
from engine.pipeline.held import HeldVersion
from engine.store.database import Database
from engine.store.pace import SHORT, Pace
from engine.store.quarantine import RowKind
from tests.world import World

Result = TypeVar("Result")


@dataclass
class Timer:
    """Seconds that pass when a test says so."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


class Crowded(HeldVersion):
    """A store of which others always want to write: each transaction waits for two seconds for its turn."""

    def __init__(self, database: Database, version: str, timer: Timer) -> None:
        super().__init__(database, version)
        self._timer = timer

    def others_wait(self) -> bool:
        return True

    def in_transaction(self, work: Callable[[Connection], Result]) -> Result:
        self._timer.now += 2
        return super().in_transaction(work)


def test_the_pace_is_that_of_the_work_and_not_of_waiting_for_it(tmp_path: Path, migrated_sqlite_url: str) -> None:
    """Otherwise a tick would get slower and slower beside an import, until its chunks have one row."""
    world, timer = World(tmp_path / "maison", migrated_sqlite_url).open(), Timer()
    store = Crowded(world.app.database, world.content().version, timer)
    chunks = Chunks(store, Pace(1_000, monotonic=timer), BadRowIsolation(store, RowKind.USER, "users", 1_000), timer)
    sizes = []

    def chunk(_connection: Connection) -> tuple[int, None]:
        sizes.append(chunks.limit)
        timer.now += chunks.limit / 500
        return chunks.limit, None

    for _ in range(3):
        chunks.run(chunk)
    world.close()
    assert sizes == [1_000, 500 * SHORT, 500 * SHORT]
