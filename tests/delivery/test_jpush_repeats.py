"""JPush from the queue to the device: answers that are lost, and a worker that dies, and nobody gets a push twice."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.jpush.adapter import JPushAdapter
from adapters.jpush.options import JPushOptions
from engine.clock import DAY, MINUTE, FixedClock
from tests.adapters.emails import SECRET
from tests.adapters.fake_http import Silence, fake_http
from tests.adapters.jpush_api import APP_KEY, JPushApi
from tests.deliveries import FILES, NOON, Deliveries

PUSH = {
    "templates/winback/offer.push.j2": "{% block title %}Hello{% endblock %}{% block body %}{{ user.key }}{% endblock %}"
}
CONNECTIONS = 4


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[Deliveries]:
    """A world with 20 pushes in its queue."""
    brand = {"brand": {"sender": "hello@example.com"}}
    made = Deliveries(tmp_path / "maison", database_url, {**FILES, **PUSH}, brand, clock=FixedClock(NOON))
    made.app.migrate(made.loaded)
    made.users(20)
    for number in range(1, 21):
        made.devices(f"device{number}", user=number)
    made.due_actions(20, channel="push")
    yield made
    made.close()


def adapter(url: str) -> JPushAdapter:
    options = {"url": url, "app_key": APP_KEY, "master_secret": SECRET, "connections": CONNECTIONS}
    return JPushAdapter(JPushOptions.model_validate(options))


def devices(api: JPushApi) -> Counter[str]:
    return Counter(push["audience"]["registration_id"][0] for push in api.made)


EVERYBODY = {f"device{number}": 1 for number in range(1, 21)}


def test_lost_answers(world: Deliveries) -> None:
    api = JPushApi(lost=7)

    async def run() -> None:
        async with fake_http(api) as fake:
            await world.delivery(adapter(fake.url)).drain()

    asyncio.run(run())
    assert devices(api) == EVERYBODY
    assert world.states() == {"accepted:accepted": 20}
    assert api.calls == 27
    references = {reference for (reference,) in world.rows("SELECT reference FROM action")}
    assert len(references) == 20, "those of the first copies"


def test_a_worker_that_dies_with_pushes_in_flight(world: Deliveries) -> None:
    api = JPushApi(lost=CONNECTIONS, how=Silence())

    async def run() -> None:
        async with fake_http(api) as fake:
            dying = asyncio.create_task(world.delivery(adapter(fake.url)).drain())
            while len(api.made) < CONNECTIONS:
                assert not dying.done()
                await asyncio.sleep(0)
            dying.cancel()
            await asyncio.wait([dying])
            for at in (NOON, NOON + 5 * MINUTE):  # what was only claimed comes back with its lease
                world.at(at)
                await world.delivery(adapter(fake.url)).drain()

    asyncio.run(run())
    assert devices(api) == EVERYBODY
    assert world.states() == {"accepted:accepted": 20}
    repeated = world.rows("SELECT count(*) FROM action_event WHERE reason = 'repeated_after_unknown'")
    assert repeated == [(CONNECTIONS,)]


def test_after_a_day_jpush_recognises_nothing_any_more(world: Deliveries) -> None:
    api = JPushApi(lost=1, how=Silence())

    async def run() -> None:
        async with fake_http(api) as fake:
            dying = asyncio.create_task(world.delivery(adapter(fake.url), batch=1).drain())
            while not api.made:
                assert not dying.done()
                await asyncio.sleep(0)
            dying.cancel()
            await asyncio.wait([dying])
            world.at(NOON + DAY)
            await world.delivery(adapter(fake.url)).drain()

    asyncio.run(run())
    assert devices(api) == EVERYBODY
    assert world.states()["unknown:no_answer"] == 1
