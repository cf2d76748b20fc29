"""When the worker's jobs run, without processes and without waiting."""

import asyncio
import threading
from pathlib import Path

import pytest
from apscheduler.events import EVENT_JOB_MAX_INSTANCES, JobSubmissionEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from engine.app import App
from engine.calendar.crontab import Turns
from engine.clock import DAY, Instant
from engine.errors import HabitueError
from engine.loading import Content
from engine.pipeline import Progress, Watch
from engine.store.database import Database
from engine.worker.scheduler import WorkerParts, WorkerProcess
from engine.worker.upkeep import Heartbeat, claim_slot, clean_up
from tests.worker.house import House
from tests.worker.test_run import now

MIDNIGHT = Instant(1_767_225_600_000)  # 2026-01-01T00:00:00Z
HOUR = 3_600_000


def test_a_long_tick_does_not_pile_up(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first tick lasts until three turns were passed over; never do two ticks overlap."""
    house = House(tmp_path / "shop", sqlite_url)
    house.migrate()
    skipped, ticks, at_once, most = threading.Semaphore(0), 0, 0, 0
    loop: asyncio.AbstractEventLoop
    worker: WorkerProcess

    def tick(app: App, content: Content, at: Instant, watch: Watch) -> Progress:
        nonlocal ticks, at_once, most
        at_once += 1
        most, ticks = max(most, at_once), ticks + 1
        if ticks == 1:
            assert all(skipped.acquire(timeout=30) for _ in range(3))
        else:
            asyncio.run_coroutine_threadsafe(stop(), loop).result(30)
        at_once -= 1
        return Progress()

    async def stop() -> None:
        worker._stop.set()

    def passed_over(event: JobSubmissionEvent) -> None:
        skipped.release()

    async def live() -> None:
        nonlocal loop, worker
        loop, worker = asyncio.get_running_loop(), WorkerProcess(app, WorkerParts(delivery=False))
        await asyncio.wait_for(worker.run(), 60)

    start = AsyncIOScheduler.start

    def start_listening(self: AsyncIOScheduler) -> None:
        self.add_listener(passed_over, EVENT_JOB_MAX_INSTANCES)
        start(self)

    monkeypatch.setattr(AsyncIOScheduler, "start", start_listening)
    monkeypatch.setattr(App, "tick", tick)
    with house.app() as app:
        quick = app.settings.schedule.model_copy(update={"tick": 20})
        app.settings = app.settings.model_copy(update={"schedule": quick})
        asyncio.run(live())
    assert most == 1
    assert ticks == 2, "the turns that were passed over are not made up for"


def test_turns_of_a_crontab_come_once_each() -> None:
    turns = Turns("calibrate", "0 3 * * *", MIDNIGHT)
    assert turns.latest(Instant(MIDNIGHT + 3 * HOUR - 1)) is None
    assert turns.latest(Instant(MIDNIGHT + 3 * HOUR)) == MIDNIGHT + 3 * HOUR
    assert turns.latest(Instant(MIDNIGHT + 4 * HOUR)) is None
    assert turns.latest(Instant(MIDNIGHT + 10 * DAY)) == MIDNIGHT + 9 * DAY + 3 * HOUR, "of those missed, the newest"


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
        Turns("calibrate", crontab, MIDNIGHT)


def test_a_turn_is_taken_by_one_worker(database_url: str, tmp_path: Path) -> None:
    House(tmp_path / "shop", database_url).migrate()
    one, other = Database(database_url), Database(database_url)
    slots = [claim_slot(database, "calibrate", MIDNIGHT, MIDNIGHT) for database in (one, other, one)]
    assert slots == [True, False, False]
    assert claim_slot(other, "retention", MIDNIGHT, MIDNIGHT)
    assert claim_slot(other, "calibrate", Instant(MIDNIGHT + DAY), MIDNIGHT)
    for database in (one, other):
        database.close()


def test_clean_up_keeps_what_is_asked_for(database_url: str, tmp_path: Path) -> None:
    house = House(tmp_path / "shop", database_url)
    house.migrate(MIDNIGHT)
    later = Instant(MIDNIGHT + 100 * DAY)
    with house.app(later) as app:
        content = app.content()
        for at in (MIDNIGHT, Instant(later - DAY)):
            app.tick(content, at)
            claim_slot(app.database, "calibrate", at, Instant(at - 350 * DAY))
            Heartbeat(app.database, f"host:{at}").beat(at, None, None)
        clean_up(app, content, later)
    assert house.rows("SELECT at FROM tick") == [(later - DAY,)]
    assert house.rows("SELECT taken_at FROM slot") == [(later - 351 * DAY,)]
    assert house.rows("SELECT name FROM worker") == [(f"host:{later - DAY}",)]


def test_a_store_that_lived_on_makes_a_slow_clock_wait_and_say_so(sqlite_url: str, tmp_path: Path) -> None:
    house = House(tmp_path / "shop", sqlite_url)
    house.migrate()
    with house.app() as app:
        app.tick(app.content(), Instant(now() + DAY))
    with house.worker("--only", "ticks") as worker:
        worker.until(lambda: worker.entries("clock behind"), "the first tick")
        worker.until(lambda: "ticks wait" in str(house.rows("SELECT message FROM worker")), "the message")
        assert worker.stop() == 0
