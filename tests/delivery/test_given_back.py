"""Messages that return to the queue because their adapter is down, which proves nothing about their rows or gates."""

import asyncio

from adapters.base import Answer, Message, Outcome
from engine.clock import DAY, MINUTE, SECOND
from engine.delivery.gates import GATES
from engine.delivery.gates.base import PASS, Gate, Verdict
from engine.delivery.pending_message import GateContext, PendingMessage
from engine.store.quarantine import FIRST_WAIT
from tests.deliveries import NOON, Deliveries
from tests.provider import Provider

DOWN = Answer(Outcome.ADAPTER_DOWN, "connection_failed")
NOTHING: dict[int, Verdict] = {}


def test_a_row_in_quarantine_keeps_its_count(world: Deliveries) -> None:
    world.users(20)
    world.due_actions(1, template="winback/strict", expires_at=NOON + 30 * DAY)
    delivery = world.delivery(provider := Provider(), in_flight=2)
    asyncio.run(delivery.drain())
    world.due_actions(19, first=2, expires_at=NOON + 30 * DAY)
    world.at(NOON + FIRST_WAIT)
    provider.script = lambda _: DOWN
    asyncio.run(delivery.drain())
    assert world.rows("SELECT state, reason FROM action WHERE id = 1") == [("queued", "adapter_down")]
    world.at(NOON + FIRST_WAIT + 30 * MINUTE)
    provider.script = None
    asyncio.run(delivery.drain())
    assert world.states() == {"accepted:accepted": 19, "deferred:render_failed": 1}
    [(tries, retry_at)] = world.rows("SELECT tries, retry_at FROM quarantine")
    assert (tries, retry_at - world.clock.now()) == (2, 2 * FIRST_WAIT)
    world.execute("UPDATE user_state SET fact_first_name = 'Ada' WHERE user_id = 1")
    world.at(retry_at)
    asyncio.run(delivery.drain())
    assert world.states() == {"accepted:accepted": 20}
    assert world.rows("SELECT * FROM quarantine") == []


def test_a_channel_that_a_gate_stopped_resumes_only_when_a_message_has_passed_the_gate(world: Deliveries) -> None:
    """The first message finds the provider down when the third has hit the bug; the next batch is already claimed."""
    bug = asyncio.Event()

    def judge(message: PendingMessage, _: None, _context: GateContext) -> Verdict:
        if message.user_id != 3:
            return PASS
        bug.set()
        return NOTHING[message.user_id]

    def down_after_a_while(_: Message) -> Answer:
        world.at(NOON + 6 * SECOND)
        return DOWN

    world.users(8)
    world.due_actions(8)
    provider = Provider(script=down_after_a_while, answers_after=bug)
    delivery = world.delivery(provider, gates=(*GATES, Gate("broken", judge, ())), in_flight=2, batch=3)
    asyncio.run(delivery.drain())
    assert {alarm.subject for alarm in delivery.alarms} == {
        "adapter `scripted` is down",
        "sending by email has stopped",
    }
    assert {state for (state,) in world.rows("SELECT DISTINCT state FROM action")} == {"queued"}
    provider.script = None
    world.at(NOON + MINUTE)
    asyncio.run(delivery.drain())
    assert delivery.alarms == ()
    assert world.states() == {"accepted:accepted": 7, "queued:code_at_fault": 1}
