"""``habitue run`` tells staff, once for all its processes and restarts, and a silent service never holds it up."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adapters.fake_http import FakeHttp, Request, Response, Silence, fake_http
from tests.alerts.staff import SECRET
from tests.processes import migrate, quick, running
from tests.world import World


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    world = quick(tmp_path / "maison", database_url)
    migrate(world)
    assert world.command("pause", "channel", "email").exit_code == 0
    yield world
    world.close()


def settle(world: World, server: FakeHttp) -> None:
    url = f"{server.url.replace('http', 'json')}/{SECRET}"
    world.configure(alerts={"urls": [url], "when": ["paused"], "after": "0s"})


def test_it_tells_and_no_restart_repeats_it(world: World) -> None:
    async def story() -> None:
        async with fake_http(lambda _: Response()) as server:
            settle(world, server)
            await asyncio.to_thread(first)
            assert [str(one.json["title"]) for one in server.requests] == ["Maison: 1 new problem"]  # type: ignore[index]
            await asyncio.to_thread(second)
            assert len(server.requests) == 1

    def first() -> None:
        with running(world) as worker:
            worker.until(lambda: worker.entries("alert_sent"), "the alert is sent")
            assert worker.stop() == 0, worker.said()
            said = worker.said()
        assert SECRET not in said
        assert "json://" not in said

    def second() -> None:
        before = world.rows("SELECT count(*) FROM tick")[0][0]
        with running(world, "--only", "ticks") as worker:
            worker.until(lambda: world.rows("SELECT count(*) FROM tick")[0][0] > before + 2, "ticks go on")
            assert worker.stop() == 0, worker.said()
            assert worker.entries("alert_sent") == []
            assert worker.entries("alerts_not_looked") == []

    asyncio.run(story())


def test_a_silent_service_holds_up_neither_ticks_nor_the_end(world: World) -> None:
    asked = asyncio.Event()

    def silent(_: Request) -> Silence:
        asked.set()
        return Silence()

    def work() -> None:
        with running(world) as worker:
            worker.until(asked.is_set, "the service is asked")
            before = world.rows("SELECT count(*) FROM tick")[0][0]
            worker.until(lambda: world.rows("SELECT count(*) FROM tick")[0][0] > before, "ticks go on")
            assert worker.stop() == 0, worker.said()
            assert worker.entries("stopped")

    async def story() -> None:
        async with fake_http(silent) as server:
            settle(world, server)
            await asyncio.to_thread(work)

    asyncio.run(story())
    assert world.rows("SELECT told_at, tries FROM alert") == [(None, 1)], "the next worker tells"
