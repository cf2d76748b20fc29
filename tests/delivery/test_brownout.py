"""A provider that is silent, or refuses everything, holds up no other channel, and loses none of its messages."""

import asyncio

import pytest

from adapters.base import Answer, Outcome
from engine.clock import HOUR
from tests.deliveries import NOON, Deliveries
from tests.provider import Provider

SIZE = 60
REFUSED = Answer(Outcome.SENDING_REFUSED, "service_unavailable", "HTTP status 503")


@pytest.fixture
def queued(world: Deliveries) -> Deliveries:
    """As many messages are due on each of three channels; those of the one that is ill come first."""
    world.users(SIZE)
    world.execute("UPDATE users SET phone = '+4915112345' || CAST(100 + id AS TEXT)")
    for user in range(1, SIZE + 1):
        world.devices(f"t{user}", user=user)
    for channel in ("sms", "email", "push"):
        world.due_actions(SIZE, channel=channel, step_id=channel, message_class="service")
    return world


def by_channel(world: Deliveries) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for channel, state, reason in world.rows("SELECT DISTINCT channel, state, reason FROM action"):
        found.setdefault(channel, set()).add(f"{state}:{reason}")
    return found


def test_one_that_is_silent(queued: Deliveries) -> None:
    email, push, sms = Provider("email"), Provider("push"), Provider("sms", answers_after=asyncio.Event())

    async def live() -> None:
        assert sms.answers_after is not None
        draining = asyncio.create_task(queued.delivery(email, push, sms, in_flight=10).drain())
        async with asyncio.timeout(60):
            while len(email.sent) < SIZE or len(push.sent) < SIZE:
                assert not draining.done(), "it did not wait for what is in flight"
                await asyncio.sleep(0.01)
        assert len(sms.sent) == sms.concurrency, "it has as many as it takes at once"
        sms.answers_after.set()
        await draining

    asyncio.run(live())
    assert queued.states() == {"accepted:accepted": 3 * SIZE}
    assert all(len(one.sent) == SIZE for one in (email, push, sms)), "nothing twice"


def test_one_that_refuses_everything(queued: Deliveries) -> None:
    email, push, sms = Provider("email"), Provider("push"), Provider("sms", script=lambda _: REFUSED)
    delivery = queued.delivery(email, push, sms, in_flight=10)
    asyncio.run(delivery.drain())
    assert (len(email.sent), len(push.sent)) == (SIZE, SIZE)
    accepted = {"accepted:accepted"}
    texts = by_channel(queued)["sms"]
    assert by_channel(queued) == {"email": accepted, "push": accepted, "sms": texts}
    assert texts <= {"queued:due", "queued:adapter_down"}, "none has failed"
    assert len(sms.sent) <= 2 * sms.concurrency, "it is asked no more"
    [alarm] = delivery.alarms
    assert alarm.subject == "adapter `scripted` is down"

    sms.script = None
    for hours in (1, 2):
        queued.at(NOON + hours * HOUR)
        asyncio.run(delivery.drain())
    assert queued.states() == {"accepted:accepted": 3 * SIZE}
    assert queued.rows("SELECT DISTINCT tries FROM action WHERE channel = 'sms'") == [(1,)], (
        "refusals of us do not count"
    )
