"""``habitue migrate`` runs between a worker's check of the files and its tick: the tick waits, and no error is reported."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from engine.app import App
from engine.clock import Instant, WallClock
from engine.content.versions import Seen
from engine.loading import Content
from engine.pipeline import Progress, Watch
from engine.settings import load_settings
from engine.worker.scheduler import WorkerParts, WorkerProcess
from tests.processes import FACTS, migrate, quick
from tests.world import World

CITY = '[facts.city]\nattribute = "city"\ntype = "text"\n'


class Overtaken(App):
    """An app whose first ``drifts`` ticks find the columns migrated for other files."""

    other: World
    drifts: int
    ticks = 0

    def tick(self, content: Content, now: Instant, watch: Watch = lambda _: None, seen: Seen | None = None) -> Progress:
        self.ticks += 1
        if self.ticks <= self.drifts:
            self.other.app.migrate(self.other.content())
        else:
            os.kill(os.getpid(), signal.SIGTERM)
            self.migrate(content)
        return super().tick(content, now, watch, seen)


@pytest.mark.parametrize(("drifts", "failures"), [(1, 0), (3, 2)])
def test_the_tick_waits_for_the_next_one(
    world: World, tmp_path: Path, capfd: pytest.CaptureFixture[str], drifts: int, failures: int
) -> None:
    """Drift that does not end by itself is reported."""
    world.write("rules/facts.toml", FACTS + CITY)
    migrate(world)
    settings = load_settings(world.config)
    often = settings.schedule.model_copy(update={"tick": 20})
    app = Overtaken(settings.model_copy(update={"schedule": often}), WallClock())
    app.drifts, app.other = drifts, quick(tmp_path / "other", world.url)
    asyncio.run(asyncio.wait_for(WorkerProcess(app, WorkerParts(delivery=False)).run(), 60))
    app.close()
    app.other.close()
    said = "".join(capfd.readouterr())
    assert said.count("tick waits") == 1
    assert said.count("job failed") == failures
