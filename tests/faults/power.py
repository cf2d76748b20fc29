"""Power cuts on SQLite: which files a worker's machine has when it is started again."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from tests.processes import DEADLINE
from tests.world import World

Way = Literal["nothing that was not synced", "the database as it was written"]
"""What was on its way to the disk may have arrived or not; the log is never longer than at its last sync."""
WAYS: tuple[Way, ...] = ("nothing that was not synced", "the database as it was written")
_SOURCE = Path(__file__).with_name("synced.c")


def watcher(folder: Path) -> Path:
    """Build the library that copies what is synced; skip where that cannot be done."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if sys.platform != "linux" or compiler is None:
        pytest.skip("watching what a worker syncs needs Linux and a C compiler")
    built = folder / "synced.so"
    words = [compiler, "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(built), str(_SOURCE), "-ldl"]
    subprocess.run(words, check=True, timeout=DEADLINE)
    return built


@dataclass(frozen=True)
class Disk:
    """The files of a world's store, and what of them has been synced."""

    world: World
    database: Path
    synced: Path
    library: Path

    @classmethod
    def of(cls, world: World, folder: Path) -> "Disk":
        synced = folder / "synced"
        synced.mkdir()
        return cls(world, Path(world.url.removeprefix("sqlite:///")), synced, watcher(folder))

    @property
    def environment(self) -> dict[str, str]:
        """With it, workers are watched."""
        return {"LD_PRELOAD": str(self.library), "SYNCED_TO": str(self.synced)}

    @property
    def log(self) -> Path:
        return self.database.with_name(f"{self.database.name}-wal")

    def sync(self) -> None:
        """Sync all that there is, as a machine that is switched off in an orderly way; no worker may run."""
        self.world.close()
        assert not self.log.exists(), "whoever closes the store last leaves one file"
        for file in self.synced.iterdir():
            file.unlink()
        shutil.copy(self.database, self.synced)

    def cut_power(self, way: Way) -> None:
        """Leave what the disk has; all workers must have been killed."""
        self.world.close()
        kept = {"nothing that was not synced": self.synced / self.database.name}.get(way, self.database)
        survivors = kept.read_bytes()
        for file in self.database.parent.glob(f"{self.database.name}*"):
            file.unlink()
        self.database.write_bytes(survivors)
        log = self.synced / self.log.name
        if log.exists():
            shutil.copy(log, self.log)
        self.world.lose_in_flight()  # it is from before this start of the machine
