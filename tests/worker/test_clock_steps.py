"""Whoever sets a machine's clock delays no tick by more than its interval, hurries nothing, and is reported."""

import asyncio
import os
import signal
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pytest
import structlog

from engine.app import App
from engine.clock import DAY, JUMP, MINUTE, SECOND, SETTLED, Instant, SteadyClock
from engine.content.versions import Seen
from engine.loading import Content
from engine.pipeline import Progress, Watch
from engine.settings import load_settings
from engine.worker.clock_watch import TOLD_FOR, ClockWatch
from engine.worker.scheduler import WorkerParts, WorkerProcess
from engine.worker.turns import every
from tests.processes import migrate, quick
from tests.worker.scripted_time import live
from tests.world import START


@dataclass
class Machine:
    """A machine with a clock that can be set, and one that cannot; both in milliseconds."""

    passed: int = 0
    wrong_by: int = 0
    true_since: int = field(default=START)

    def now(self) -> Instant:
        """Return what the wall clock shows."""
        return Instant(self.true_since + self.passed + self.wrong_by)

    def uptime(self) -> int:
        return self.passed

    @property
    def true(self) -> int:
        return self.true_since + self.passed


STEPS = pytest.mark.parametrize("by", [120 * SECOND, DAY, 40 * 365 * DAY, JUMP + 1], ids=["120s", "1d", "40y", "5s"])
WAYS = pytest.mark.parametrize("sign", [1, -1], ids=["ahead", "back"])


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def clock(machine: Machine) -> SteadyClock:
    return SteadyClock(machine, machine.uptime)


@STEPS
@WAYS
def test_a_clock_that_is_wrong_for_five_seconds_hurries_nothing(
    machine: Machine, clock: SteadyClock, by: int, sign: int
) -> None:
    for second in range(300):
        machine.passed += SECOND
        machine.wrong_by = sign * by if 100 <= second < 105 else 0
        expected = machine.true - (by if machine.wrong_by < 0 else 0)
        assert clock.now() == expected, "no jump ahead is followed; one back is, at once, and only while it lasts"


@STEPS
@WAYS
def test_a_clock_that_was_wrong_and_is_set_right_is_believed_soon(
    machine: Machine, clock: SteadyClock, by: int, sign: int
) -> None:
    machine.true_since += sign * by
    believed = []
    for _ in range(0, SETTLED + 2 * SECOND, SECOND):
        machine.passed += SECOND
        believed.append(clock.now() == machine.true)
    assert all(believed) if sign < 0 else (believed[0], believed[-1]) == (False, True)
    assert not clock.in_doubt


def test_a_clock_that_is_asked_seldom_is_believed_at_the_second_look(machine: Machine, clock: SteadyClock) -> None:
    machine.true_since += DAY
    assert clock.now() == machine.true - DAY
    machine.passed += 10 * MINUTE
    assert clock.now() == machine.true


def test_a_clock_that_keeps_jumping_ahead_is_not_followed(machine: Machine, clock: SteadyClock) -> None:
    for minute in range(10):
        machine.wrong_by = DAY * (minute % 2 + 1)
        for _ in range(20):
            machine.passed += SECOND
            assert clock.now() == machine.true
    assert clock.jump is not None
    assert clock.jump.number == 10


def test_a_clock_that_is_slowed_or_hurried_a_little_has_not_jumped(machine: Machine, clock: SteadyClock) -> None:
    for second in range(3_600):
        machine.passed += SECOND
        machine.wrong_by = second * 5  # 18 s in an hour
        assert clock.now() == machine.now()
    assert clock.jump is None


def test_sleep_is_no_jump_and_small_steps_are_followed(machine: Machine, clock: SteadyClock) -> None:
    machine.passed += 8 * 60 * MINUTE
    assert clock.now() == machine.true
    machine.wrong_by = JUMP
    assert clock.now() == machine.now()
    assert clock.jump is None


@WAYS
def test_a_jump_is_logged_once_and_told_for_a_while(machine: Machine, clock: SteadyClock, sign: int) -> None:
    watch, told = ClockWatch(clock), []
    with structlog.testing.capture_logs() as logged:
        for second in range(0, TOLD_FOR + 200 * SECOND, SECOND):
            machine.passed += SECOND
            machine.wrong_by = sign * DAY if second == 100 * SECOND else 0
            told.append(watch.look())
    assert [(one["event"], one["log_level"], one["by"]) for one in logged] == [
        ("clock jumped", "warning", sign * DAY / SECOND),
        ("clock jumped", "warning", -sign * DAY / SECOND),
    ]
    assert (told[99], told[-1]) == ("", "")
    there, again = ("ahead", "back") if sign > 0 else ("back", "ahead")
    assert f"jumped {there} by 1d" in told[100]
    assert ("has lasted 30s" in told[100]) is (sign > 0)
    assert f"jumped {again} by 1d" in told[101]
    assert "has lasted" not in told[101]
    assert told[101 + TOLD_FOR // SECOND - 1] == told[101]


def test_turns_come_at_their_interval_and_not_for_what_was_missed() -> None:
    started: list[float] = []
    lengths = iter([0.0, 150.0, 10.0, 60.0, 61.0, 0.0])

    async def story() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()

        async def work() -> None:
            started.append(loop.time())
            await asyncio.sleep(next(lengths))
            if len(started) == 6:
                stop.set()

        await every(60, work, stop, first=5)

    live(story())
    assert started == [5, 65, 245, 305, 365, 485], "a turn that is missed by long work is left out"


def test_who_is_told_to_stop_does_not_wait_for_the_next_turn() -> None:
    ended: list[float] = []

    async def story() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()

        async def work() -> None:
            loop.call_later(7, stop.set)

        await every(60, work, stop)
        ended.append(loop.time())

    live(story())
    assert ended == [7]


class Stepped(App):
    """An app whose machine's clock is wrong during its third tick and right from the fourth on; the sixth is the last."""

    machine: Machine

    def tick(self, content: Content, now: Instant, watch: Watch = lambda _: None, seen: Seen | None = None) -> Progress:
        self.ticked.append(now - self.machine.true)
        self.machine.passed += 5 * SECOND
        self.machine.wrong_by = self.by if len(self.ticked) == 2 else 0
        if len(self.ticked) == 6:
            os.kill(os.getpid(), signal.SIGTERM)
        return Progress()

    by = 0

    @cached_property
    def ticked(self) -> list[int]:
        """How far each tick's instant was from the true one, in milliseconds."""
        return []


@pytest.mark.parametrize("by", [120 * SECOND, DAY, -120 * SECOND, -DAY])
def test_a_worker_ticks_on_while_its_clock_is_wrong(sqlite_url: str, tmp_path: Path, by: int) -> None:
    world = quick(tmp_path / "maison", sqlite_url)
    migrate(world)
    settings, machine = load_settings(world.config), Machine()
    often = settings.schedule.model_copy(update={"tick": 20})
    app = Stepped(settings.model_copy(update={"schedule": often}), SteadyClock(machine, machine.uptime), world.kinds)
    app.machine, app.by = machine, by
    try:
        with structlog.testing.capture_logs() as logged:
            asyncio.run(asyncio.wait_for(WorkerProcess(app, WorkerParts(delivery=False)).run(), 60))
    finally:
        app.close()
        world.close()
    assert app.ticked == [0, 0, min(by, 0), 0, 0, 0]
    assert [one["by"] for one in logged if one["event"] == "clock jumped"] == [by / SECOND, -by / SECOND]
