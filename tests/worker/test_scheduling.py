"""When the worker's jobs run, most of it without processes and without waiting."""

import asyncio
import os
import signal
from functools import cached_property
from pathlib import Path

import pytest
from sqlalchemy import text

from engine.app import App
from engine.calendar.crontab import ScheduledJob
from engine.clock import DAY, Instant, WallClock
from engine.content.versions import Seen
from engine.errors import HabitueError
from engine.explain.notices import Notice, NoticeKind, unpacked
from engine.loading import Content
from engine.pipeline import Progress, Watch
from engine.settings import load_settings
from engine.worker.scheduler import WorkerParts, WorkerProcess
from engine.worker.upkeep import Heartbeat, calibrate_scores, clean_up, run_once
from tests.processes import migrate, opened, quick, running

MIDNIGHT = Instant(1_767_225_600_000)  # 2026-01-01T00:00:00Z


class FailsFirst(App):
    """An app whose first tick fails, and whose third has the worker told to stop; it notes what workers report."""

    @cached_property
    def told(self) -> list[tuple[Notice, ...]]:
        return []

    def tick(self, content: Content, now: Instant, watch: Watch = lambda _: None, seen: Seen | None = None) -> Progress:
        with self.database.read() as connection:
            [notices] = connection.execute(text("SELECT notices FROM worker")).scalars()
        self.told.append(unpacked(notices))
        if len(self.told) == 1:
            raise HabitueError("no space is left")
        if len(self.told) == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return Progress()


def test_what_keeps_ticks_from_working_is_reported_until_one_works(database_url: str, tmp_path: Path) -> None:
    world = quick(tmp_path / "maison", database_url)
    migrate(world)
    settings = load_settings(world.config)
    often = settings.schedule.model_copy(update={"tick": 20})
    app = FailsFirst(settings.model_copy(update={"schedule": often}), WallClock())
    try:
        asyncio.run(asyncio.wait_for(WorkerProcess(app, WorkerParts(delivery=False)).run(), 60))
    finally:
        app.close()
    assert app.told == [(), (Notice(NoticeKind.TICK, "no space is left"),), ()]
    world.close()


@pytest.mark.parametrize(
    ("crontab", "says"),
    [
        ("at night", "is not crontab"),
        ("0 3 * * 8", "0 to 7"),
        ("61 3 * * *", "not crontab"),
        ("0 3 30 2 *", "never comes"),
    ],
)
def test_a_crontab_that_makes_no_sense_is_a_sentence(crontab: str, says: str) -> None:
    with pytest.raises(HabitueError, match=says):
        ScheduledJob("calibrate", crontab)


def test_clean_up_keeps_what_is_asked_for(database_url: str, tmp_path: Path) -> None:
    world = quick(tmp_path / "maison", database_url)
    migrate(world, MIDNIGHT)
    later = Instant(MIDNIGHT + 100 * DAY)
    with opened(world, later) as app:
        content = app.content()
        for at in (MIDNIGHT, Instant(later - DAY)):
            app.tick(content, at)
            run_once(app, content, ScheduledJob("calibrate", "0 3 * * *"), calibrate_scores, Instant(at - 350 * DAY))
            Heartbeat(app.database, f"host:{at}").beat(at, None)
        app.database.in_transaction(lambda connection: clean_up(connection, app, content, later))
    assert world.rows("SELECT at FROM tick") == [(later - DAY,)]
    assert world.rows("SELECT taken_at FROM slot") == [(later - 351 * DAY,)]
    assert world.rows("SELECT name FROM worker") == [(f"host:{later - DAY}",)]
    world.close()


def test_a_store_that_lived_on_makes_a_slow_clock_wait_and_say_so(sqlite_url: str, tmp_path: Path) -> None:
    world = quick(tmp_path / "maison", sqlite_url)
    migrate(world)
    with opened(world) as app:
        app.tick(app.content(), Instant(WallClock().now() + DAY))
    with running(world, "--only", "ticks") as worker:
        worker.until(lambda: worker.entries("clock behind"), "the first tick")
        worker.until(lambda: "ticks wait" in str(world.rows("SELECT notices FROM worker")), "the message")
        assert worker.stop() == 0
    world.close()
