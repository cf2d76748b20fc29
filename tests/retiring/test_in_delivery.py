"""A campaign whose file vanishes while it is being sent: what workers have comes back, and nothing more leaves."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.base import Answer, Message
from engine.clock import FixedClock, Instant
from engine.delivery.dispatch import Delivery
from engine.delivery.gates import GATES
from engine.delivery.gates.base import PASS, Gate, Verdict
from engine.delivery.pending_message import GateContext, PendingMessage
from tests.control.test_pauses import HastyLoop
from tests.deliveries import FILES, NOON, Deliveries
from tests.provider import ACCEPT, Provider
from tests.retiring.campaign import said, stopped

PATH = "playbooks/winback.toml"
SIMPLE = """
[playbook]
name = "winback"
class = "marketing"
expires = "7d"

[trigger]
event = "order_completed"

[[step]]
id = "offer"
send = ["email"]
template = "winback/offer"
"""
PEOPLE = 60


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[Deliveries]:
    made = Deliveries(
        tmp_path / "maison",
        database_url,
        {**FILES, PATH: SIMPLE},
        {"brand": {"sender": "hello@example.com"}},
        clock=FixedClock(NOON),
    )
    made.app.migrate(made.content())
    made.users(PEOPLE)
    made.app.tick(made.content(), NOON)
    made.due_actions(PEOPLE, expires_at=NOON * 2)
    yield made
    made.close()


def tick(world: Deliveries, minutes: int = 0) -> None:
    """Tick as a worker beside the delivery does."""
    now = Instant(NOON + minutes * 60_000)
    world.clock.move_to(now)
    world.app.tick(world.content(), now)


def run_hastily(delivery: Delivery) -> None:
    with asyncio.Runner(loop_factory=HastyLoop) as runner:
        runner.run(delivery.drain())


@pytest.mark.parametrize(
    ("file", "ended"), [(None, "held"), (said(SIMPLE, state="retired"), "cancelled")], ids=["vanished", "retired"]
)
def test_nothing_that_has_not_begun_leaves(world: Deliveries, file: str | None, ended: str) -> None:
    def at_the_first(_: Message) -> Answer:
        if len(provider.sent) == 1:
            world.remove(PATH) if file is None else world.write(PATH, file)
            tick(world)
        return ACCEPT

    provider = Provider(script=at_the_first, concurrency=1)
    run_hastily(world.delivery(provider, in_flight=20, batch=30))
    assert len(provider.sent) == 1
    assert world.rows("SELECT count(*) FROM action WHERE state IN ('claimed', 'handed_off')") == [(0,)]
    assert stopped(world) == [("winback", "retired")]
    tick(world, 1)
    assert world.states() == {"accepted:accepted": 1, f"{ended}:playbook_retired": PEOPLE - 1}
    assert stopped(world) == ([("winback", "retired")] if file is None else [])
    if file is None:
        world.write(PATH, SIMPLE)
        tick(world, 2)
        run_hastily(world.delivery(provider, in_flight=20, batch=30))
        assert sorted(provider.recipients) == sorted(f"u{number}@example.com" for number in range(1, PEOPLE + 1))
        assert world.states() == {"accepted:accepted": PEOPLE}


def test_what_the_file_pauses_goes_back_to_the_queue_and_the_log_says_why(world: Deliveries) -> None:
    """The pause comes while the gates judge what was claimed."""

    def judge(message: PendingMessage, _: None, _context: GateContext) -> Verdict:
        if message.action_id == 1:
            world.write(PATH, said(SIMPLE, state="paused"))
            tick(world)
        return PASS

    provider = Provider()
    world.drain(provider, gates=(*GATES, Gate("pausing", judge, ())))
    assert provider.sent == []
    assert world.states() == {"queued:paused_by_file": PEOPLE}
    world.write(PATH, SIMPLE)
    tick(world, 1)
    world.drain(provider)
    assert world.states() == {"accepted:accepted": PEOPLE}
