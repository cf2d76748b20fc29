"""Nightly jobs: each run is done once, whoever dies in it, and a run that was missed is taken up."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection

from engine.app import App
from engine.calendar.crontab import ScheduledJob
from engine.clock import DAY, HOUR, Instant, WallClock
from engine.errors import VersionReplaced
from engine.loading import Content
from engine.worker.upkeep import Upkeep, calibrate_scores, clean_up, run_once
from tests.processes import just_now, opened, people, running
from tests.world import World

NOON = Instant(1_767_268_800_000)  # 2026-01-01T12:00:00Z
NIGHTLY = "0 3 * * *"
CALIBRATION = ScheduledJob("calibrate", NIGHTLY)
RETENTION = ScheduledJob("retention", NIGHTLY)
SLOTS = "SELECT schedule, slot FROM slot WHERE schedule IN ('calibrate', 'retention') ORDER BY 1, 2"


class Death(BaseException):
    """The process is gone."""


def die(*_: object) -> None:
    raise Death


def settled(world: World) -> World:
    """Evaluate four customers, with files that are the running version."""
    people(world, 4, just_now())
    world.app.tick(world.content(), WallClock().now())
    return world


def test_of_several_workers_one_does_a_run(world: World) -> None:
    settled(world)
    with opened(world) as other:
        asked = [(app, job) for app in (world.app, other, world.app) for job in (CALIBRATION, RETENTION)]
        done = [run_once(app, world.content(), job, lambda *_: None, NOON) for app, job in asked]
        assert done == [True, True, False, False, False, False]
        assert run_once(other, world.content(), CALIBRATION, lambda *_: None, Instant(NOON + DAY))
    assert len(world.rows(SLOTS)) == 3


def test_who_asks_while_a_run_is_being_done_waits_for_its_end(world: World) -> None:
    settled(world)
    at_work, asked, calls = threading.Event(), threading.Event(), list[int]()

    def slowly(*_: object) -> None:
        calls.append(1)
        at_work.set()
        assert asked.wait(60)

    def ask() -> bool:
        with opened(world) as other:
            asked.set()
            return run_once(other, world.content(), CALIBRATION, slowly, NOON)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(run_once, world.app, world.content(), CALIBRATION, slowly, NOON)
        assert at_work.wait(60)
        second = pool.submit(ask)
        assert [first.result(60), second.result(60)] == [True, False]
    assert calls == [1]


JOBS = pytest.mark.parametrize(
    ("job", "upkeep", "trace"),
    [
        (CALIBRATION, calibrate_scores, "SELECT count(*) FROM cut_points WHERE value_count = 4"),
        (RETENTION, clean_up, "SELECT count(*) FROM worker WHERE name = 'silent'"),
    ],
    ids=["calibrate", "retention"],
)


@JOBS
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_whose_worker_dies_is_taken_up_again(
    world: World, job: ScheduledJob, upkeep: Upkeep, trace: str, when: str
) -> None:
    settled(world)
    world.execute("DELETE FROM cut_points")
    world.execute("INSERT INTO worker (name, started_at, seen_at) VALUES ('silent', 0, 0)")
    before = world.rows(trace)
    store = world.scripted()
    store.committing, store.committed = (die, store.committed) if when == "before" else (store.committing, die)
    with pytest.raises(Death):
        run_once(world.app, world.content(), job, upkeep, NOON)
    world.close()
    if when == "before":
        assert world.rows(SLOTS) == []
        assert world.rows(trace) == before
    assert run_once(world.app, world.content(), job, upkeep, Instant(NOON + 1)) is (when == "before")
    assert len(world.rows(SLOTS)) == 1
    assert world.rows(trace) != before


def test_a_job_that_fails_is_taken_up_again(world: World) -> None:
    settled(world)

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_once(world.app, world.content(), CALIBRATION, fail, NOON)
    assert run_once(world.app, world.content(), CALIBRATION, calibrate_scores, NOON)


def test_scores_are_calibrated_by_the_running_version_alone(world: World) -> None:
    settled(world)
    older = world.content()
    world.write("rules/value.toml", (world.folder / "rules/value.toml").read_text("utf-8") + "\n# Another version\n")
    world.app.tick(world.content(), WallClock().now())
    with pytest.raises(VersionReplaced):
        run_once(world.app, older, CALIBRATION, calibrate_scores, NOON)
    assert world.rows(SLOTS) == []
    assert run_once(world.app, world.content(), CALIBRATION, calibrate_scores, NOON)


def test_only_the_newest_of_missed_runs_is_done(world: World) -> None:
    runs = list[Instant]()
    settled(world)

    def note(_connection: Connection, _app: App, _content: Content, at: Instant) -> None:
        runs.append(at)

    ask: Callable[[int], bool] = lambda at: run_once(world.app, world.content(), RETENTION, note, Instant(at))  # noqa: E731
    assert [ask(NOON), ask(NOON + HOUR // 60), ask(NOON + 9 * DAY), ask(NOON + 9 * DAY)] == [True, False, True, False]
    assert runs == [NOON, NOON + 9 * DAY]


def test_a_worker_takes_up_what_was_missed_with_its_first_tick(world: World) -> None:
    """The runs of last night, when no worker ran: the next ones are due tonight."""
    with running(world, "--only", "ticks") as worker:
        worker.until(lambda: len(world.rows(SLOTS)) >= 2, "both jobs")
        assert worker.stop() == 0
    assert {schedule for schedule, _ in world.rows(SLOTS)} == {"calibrate", "retention"}
