"""Staff are told once of what needs a person: when it has lasted, when it is over, and again after a while."""

import asyncio
import threading
from collections.abc import Callable

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from engine.alerts.in_time import OutOfTime, SendingFailed, in_time
from engine.breaker import Alarm
from engine.clock import DAY, HOUR, MINUTE, SECOND, Instant
from engine.explain.notices import of_alarm
from engine.service_settings import AlertSettings
from engine.worker.upkeep import Heartbeat, clean_up
from tests.adapters.fake_http import HangUp, Response, Silence
from tests.alerts.staff import SECRET, Staff, with_staff
from tests.world import START, World

NEW = "Maison: 1 new problem"


def pause(world: World, channel: str = "email") -> None:
    assert world.command("pause", "channel", channel, "--reason", "wrong coupon", "--who", "kim").exit_code == 0


def resume(world: World, channel: str = "email") -> None:
    assert world.command("resume", "channel", channel).exit_code == 0


def at(staff: Staff, milliseconds: int) -> None:
    staff.world.clock.move_to(Instant(START + milliseconds))


def test_once_when_it_has_lasted_and_once_when_it_is_over(world: World) -> None:
    async def story(staff: Staff) -> None:
        pause(world)
        await staff.look()
        assert staff.told() == [], "it may pass by itself"
        at(staff, 2 * MINUTE)
        await staff.look()
        [(title, text)] = staff.told()
        assert title == NEW
        assert text.startswith("NEW channel email: paused since ")
        assert "by kim (wrong coupon)" in text
        assert "\n  -> " in text
        for minute in (3, 60, 1_000):
            at(staff, minute * MINUTE)
            await staff.look()
        assert staff.told() == []
        resume(world)
        at(staff, 1_001 * MINUTE)
        await staff.look()
        assert staff.told() == []
        at(staff, 1_003 * MINUTE)
        await staff.look()
        assert staff.told() == [("Maison: 1 over", "OVER channel email (paused), since 2026-01-01T00:00:00Z")]
        await staff.look()
        assert staff.told() == []
        assert world.rows("SELECT count(*) FROM alert") == [(0,)]

    with_staff(world, story)


def test_again_after_a_day_while_it_lasts(world: World) -> None:
    async def story(staff: Staff) -> None:
        pause(world)
        for hours in (0, 1, 13, 26, 30):
            at(staff, hours * HOUR)
            await staff.look()
        assert [title for title, _ in staff.told()] == [NEW, "Maison: 1 still there"]

    with_staff(world, story)


def test_a_clock_that_was_ahead_keeps_nothing_from_staff(world: World) -> None:
    async def story(staff: Staff) -> None:
        pause(world)
        at(staff, 400 * DAY)
        await staff.look()
        for minute in (0, 2):
            at(staff, minute * MINUTE)
            await staff.look()
        assert [title for title, _ in staff.told()] == [NEW]

    with_staff(world, story)


def test_what_passes_quickly_is_told_to_nobody(world: World) -> None:
    async def story(staff: Staff) -> None:
        pause(world)
        await staff.look()
        resume(world)
        at(staff, MINUTE)
        await staff.look()
        pause(world)
        at(staff, 2 * MINUTE)
        await staff.look()
        assert staff.told() == []
        at(staff, 4 * MINUTE)
        await staff.look()
        assert len(staff.told()) == 1
        resume(world)
        at(staff, 5 * MINUTE)
        await staff.look()
        pause(world)
        at(staff, 6 * MINUTE)
        await staff.look()
        at(staff, 30 * MINUTE)
        await staff.look()
        assert staff.told() == [], "it was gone for a minute, which nobody has to know"

    with_staff(world, story)


def test_several_problems_are_one_alert(world: World) -> None:
    async def story(staff: Staff) -> None:
        pause(world, "email")
        pause(world, "sms")
        await staff.look()
        at(staff, 2 * MINUTE)
        await staff.look()
        [(title, text)] = staff.told()
        assert title == "Maison: 2 new problems"
        assert [line.split(":")[0] for line in text.splitlines() if line.startswith("NEW")] == [
            "NEW channel email",
            "NEW channel sms",
        ]

    with_staff(world, story)


def test_each_adapter_that_is_down_is_a_problem_of_its_own_whichever_worker_notices_it(world: World) -> None:
    async def story(staff: Staff) -> None:
        def notice(worker: str, minute: int, *adapters: str) -> None:
            at(staff, minute * MINUTE)
            since = START + minute * MINUTE
            down = (Alarm(f"adapter `{one}` is down", "auth_failed", "", since, since) for one in adapters)
            Heartbeat(world.app.database, worker).beat(Instant(since), "v", [*map(of_alarm, down)])

        notice("one:1", 0, "fcm")
        await staff.look()
        notice("one:1", 2, "fcm", "apns")
        await staff.look()
        [(title, text)] = staff.told()
        assert (title, text.startswith("NEW worker one:1: adapter `fcm` is down")) == (NEW, True)
        notice("one:1", 4, "apns")
        notice("two:2", 4, "apns")
        await staff.look()
        [(title, text)] = staff.told()
        assert (title, "adapter `apns` is down" in text) == (NEW, True)
        notice("one:1", 6)
        await staff.look()
        over = "OVER adapter `fcm` is down (adapter_paused), since 2026-01-01T00:00:00Z"
        assert staff.told() == [("Maison: 1 over", over)]

    with_staff(world, story, when=("adapter_paused",))


def test_of_several_workers_one_tells(world: World) -> None:
    async def story(staff: Staff) -> None:
        pause(world)
        await asyncio.gather(*(staff.look() for _ in range(4)))
        at(staff, 2 * MINUTE)
        await asyncio.gather(*(staff.look() for _ in range(4)))
        assert len(staff.told()) == 1

    with_staff(world, story)


@pytest.mark.parametrize("answer", [Response(500), HangUp(), Silence()], ids=["refuses", "hangs up", "silent"])
def test_a_service_that_does_not_take_it_is_asked_again_and_holds_up_no_other(
    world: World, answer: Response | HangUp | Silence
) -> None:
    async def story(staff: Staff) -> None:
        pause(world)
        await staff.look()
        at(staff, 2 * MINUTE)
        staff.answers[0] = answer
        with capture_logs() as logs:
            await staff.look()
        assert len(staff.told(0)) == 1
        assert len(staff.told(1)) == 1
        [failed] = [one for one in logs if one["event"] == "alert_not_sent"]
        assert failed["to"] == "alerts.urls[0]"
        assert SECRET not in str(logs)
        assert "127.0.0.1" not in str(logs)
        staff.answers[0] = Response()
        at(staff, 2 * MINUTE + 30 * SECOND)
        await staff.look()
        assert staff.told(0) == [], "too soon"
        at(staff, 3 * MINUTE)
        await staff.look()
        assert [title for title, _ in staff.told(0)] == [NEW]
        assert staff.told(1) == [], "it has been told"

    with_staff(world, story, services=2)


def test_what_could_not_be_told_and_is_over_is_told_to_nobody(world: World) -> None:
    async def story(staff: Staff) -> None:
        pause(world)
        await staff.look()
        at(staff, 2 * MINUTE)
        staff.answers[0] = Response(503)
        await staff.look()
        staff.told()
        staff.answers[0] = Response()
        resume(world)
        for minute in (3, 10, 20):
            at(staff, minute * MINUTE)
            await staff.look()
        assert staff.told() == []
        assert world.rows("SELECT count(*) FROM alert") == [(0,)]

    with_staff(world, story)


def test_only_the_checks_that_are_asked_for_are_told_of(world: World) -> None:
    async def story(staff: Staff) -> None:
        pause(world)
        for minute in (0, 2):
            at(staff, minute * MINUTE)
            await staff.look()
        assert staff.told() == []

    with_staff(world, story, when=["pool", "disk"])


def test_the_store_knows_no_url(world: World) -> None:
    async def story(staff: Staff) -> None:
        pause(world)
        await staff.look()
        [(target,)] = world.rows("SELECT target FROM alert")
        assert len(target) == 24
        assert SECRET not in target

    with_staff(world, story)


def test_services_that_are_no_longer_asked_are_forgotten_in_the_end(world: World) -> None:
    async def story(staff: Staff) -> None:
        pause(world)
        await staff.look()

    with_staff(world, story)
    content = world.content()
    for days, left in ((20, 1), (40, 0)):
        with world.app.database.write() as connection:
            clean_up(connection, world.app, content, Instant(START + days * DAY))
        assert world.rows("SELECT count(*) FROM alert") == [(left,)]


# --- work that may never end --------------------------------------------------------------------------------------------


def waited(work: Callable[[], bool], seconds: float = 30, *, stopping: bool = False) -> bool:
    async def wait() -> bool:
        stop = asyncio.Event()
        if stopping:
            stop.set()
        return await in_time(work, seconds, stop)

    return asyncio.run(wait())


def test_work_that_ends_has_its_result() -> None:
    assert waited(lambda: True) is True
    assert waited(lambda: False) is False


def test_what_a_service_raises_is_told_without_its_text() -> None:
    def work() -> bool:
        raise ValueError("https://user:password@example.com")

    with pytest.raises(SendingFailed, match=r"^ValueError at test_alerting.py:\d+") as caught:
        waited(work)
    assert "password" not in str(caught.value)


@pytest.mark.parametrize("stopping", [False, True])
def test_nobody_waits_for_work_that_does_not_end(stopping: bool) -> None:
    gate = threading.Event()
    try:
        with pytest.raises(OutOfTime):
            waited(gate.wait, 30 if stopping else 0.01, stopping=stopping)
    finally:
        gate.set()


def test_urls_are_secrets() -> None:
    assert SECRET not in repr(AlertSettings(urls=(SecretStr(f"json://{SECRET}"),)))
