"""Another worker applies newer files between a worker's look at the files and its tick: the next tick has them, too."""

import asyncio
import os
import signal

import pytest

from engine.app import App
from engine.clock import Instant, WallClock
from engine.content.versions import Seen
from engine.loading import Content
from engine.pipeline import Progress, Watch
from engine.settings import load_settings
from engine.worker.content_watch import ContentWatch
from engine.worker.scheduler import WorkerParts, WorkerProcess
from tests.maison import VALUE
from tests.processes import opened
from tests.world import World


class Overtaken(App):
    """An app whose first tick is overtaken, and whose second ends the worker."""

    world: World
    ran: list[str]

    def tick(self, content: Content, now: Instant, watch: Watch = lambda _: None, seen: Seen | None = None) -> Progress:
        if self.ran:
            os.kill(os.getpid(), signal.SIGTERM)
        else:
            self.world.write("rules/value.toml", VALUE.replace("500", "520"))
            with opened(self.world) as other:
                reading = ContentWatch(other).refresh()
                other.tick(reading.content, now, seen=reading.seen)
        self.ran.append(content.version)
        return super().tick(content, now, watch, seen)


def test_older_files_are_not_brought_back(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    settings = load_settings(world.config)
    often = settings.schedule.model_copy(update={"tick": 20})
    app = Overtaken(settings.model_copy(update={"schedule": often}), WallClock())
    app.world, app.ran = world, []
    asyncio.run(asyncio.wait_for(WorkerProcess(app, WorkerParts(delivery=False)).run(), 60))
    app.close()
    old, new = app.ran
    said = "".join(capfd.readouterr())
    assert f"version {new} was applied after these files (version {old})" in said
    assert "job failed" not in said
    found = world.rows("SELECT hash FROM version WHERE kind = 'content' ORDER BY applied_at DESC")
    assert found == [(new,), (old,)]
