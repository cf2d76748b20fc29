"""Gates that have mistakes, and rows that cannot be read, one after the other: no message suffers from either."""

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, text

from adapters.base import Answer, Message
from engine.breaker import LONGEST_PAUSE
from engine.channels.email import EmailChannel
from engine.clock import DAY
from engine.delivery.gates import GATES
from engine.delivery.gates.base import PASS, Columns, Gate, Lookup, Pass, Refuse, Reserve
from engine.delivery.gates.consent import ConsentReason
from engine.delivery.pending_message import GateContext, PendingMessage
from engine.errors import BadRow
from engine.messages.render import Rendered
from engine.store.quarantine import A_FEW
from tests.deliveries import NOON, Deliveries
from tests.in_this_process import InThisProcess
from tests.provider import ACCEPT, Provider

MANY = 30
NOTHING: dict[str, str] = {}


@pytest.fixture
def queue(world: Deliveries) -> Deliveries:
    world.users(MANY)
    world.due_actions(MANY, expires_at=NOON + 30 * DAY)
    return world


def test_a_gate_that_passes_by_a_value_of_its_own_skips_no_other_gate(queue: Deliveries) -> None:
    first: Gate[None] = Gate("first", lambda *_: Pass(), ())
    last: Gate[None] = Gate("last", lambda *_: Refuse(ConsentReason.NO_CONSENT), tuple(ConsentReason))
    queue.drain(Provider(), gates=(first, *GATES, last))
    assert queue.states() == {"suppressed:no_consent": MANY}


def test_a_gate_that_forgets_to_answer_stops_the_channel_and_not_the_worker(queue: Deliveries) -> None:
    gate: Gate[None] = Gate("forgetful", lambda *_: None, ())  # type: ignore[arg-type]
    sms = Provider(channel="sms", name="texts")
    delivery = queue.delivery(Provider(), sms, gates=(*GATES, gate))
    asyncio.run(delivery.drain())
    assert set(queue.rows("SELECT state, tries FROM action")) == {("queued", 0)}
    [alarm] = delivery.alarms
    assert alarm.reason == "code_at_fault"
    assert "asking.py:" in alarm.detail


def json_of_nothing(connection: Connection, messages: Sequence[PendingMessage], _: GateContext) -> Mapping[int, Any]:
    query = "json_extract('{', '$')" if connection.dialect.name == "sqlite" else "CAST('{' AS JSONB)"
    connection.execute(text(f"SELECT {query}"))
    return {}


def for_others(_: Connection, messages: Sequence[PendingMessage], _context: GateContext) -> Mapping[int, Any]:
    return {message.action_id + 1_000: Refuse(ConsentReason.NO_CONSENT) for message in messages}


def a_pass(_: Connection, messages: Sequence[PendingMessage], _context: GateContext) -> Mapping[int, Any]:
    return dict.fromkeys((message.action_id for message in messages), PASS)


@pytest.mark.parametrize("reserve", [json_of_nothing, for_others, a_pass])
def test_a_mistake_while_places_are_taken_is_told_with_its_place(queue: Deliveries, reserve: Reserve) -> None:
    gate: Gate[None] = Gate("broken", lambda *_: PASS, (), reserve=reserve)
    provider = Provider()
    delivery = queue.delivery(provider, gates=(*GATES, gate))
    asyncio.run(delivery.drain())
    assert provider.sent == []
    assert set(queue.rows("SELECT state, tries FROM action")) == {("queued", 0)}
    [alarm] = delivery.alarms
    assert alarm.reason == "code_at_fault"
    assert ".py:" in alarm.detail
    mended = Provider()
    queue.at(NOON + 2 * LONGEST_PAUSE)
    queue.drain(mended)
    assert len(mended.sent) == MANY


def test_a_mistake_at_the_second_look_stops_the_channel_and_costs_no_answer(queue: Deliveries) -> None:
    """The last messages pass when they are prepared, and trip the gate at their hand-off."""
    asked: set[int] = set()

    def judge(message: PendingMessage, _value: object, _context: GateContext) -> Pass:
        if message.action_id > 20 and message.action_id in asked:
            raise KeyError("x")
        asked.add(message.action_id)
        return PASS

    gate: Gate[None] = Gate("broken", judge, (), Lookup(lambda *_: {}, otherwise=None), asked_twice=True)
    provider = Provider(concurrency=1)
    delivery = queue.delivery(provider, gates=(*GATES, gate), in_flight=4)
    asyncio.run(delivery.drain())
    assert queue.states() == {"accepted:accepted": 20, "queued:code_at_fault": MANY - 20}
    assert set(queue.rows("SELECT tries FROM action WHERE state = 'queued'")) == {(0,)}
    [alarm] = delivery.alarms
    assert (alarm.reason, "KeyError" in alarm.detail) == ("code_at_fault", True)
    mended = Provider()
    queue.at(NOON + 2 * LONGEST_PAUSE)
    queue.drain(mended)
    assert len(mended.sent) == MANY - 20


def unreadable(row: Any) -> None:
    raise BadRow("what the gate reads makes no sense")


@pytest.mark.parametrize("batch", [1, 3])
def test_when_one_row_after_the_other_cannot_be_read_not_the_rows_are_at_fault(queue: Deliveries, batch: int) -> None:
    gate: Gate[Any] = Gate("picky", lambda *_: PASS, (), Columns({"x": "a.tries"}, unreadable))
    delivery = queue.delivery(Provider(), gates=(*GATES, gate), batch=batch)
    for _ in range(4):
        asyncio.run(delivery.drain())
        queue.at(delivery.alarms[0].until)
    [(aside,)] = queue.rows("SELECT count(*) FROM quarantine")
    assert aside <= A_FEW
    assert dict(queue.rows("SELECT state, count(*) FROM action GROUP BY state")) == {
        "deferred": aside,
        "queued": MANY - aside,
    }
    mended = Provider()
    queue.at(NOON + DAY)
    queue.drain(mended)
    assert len(mended.sent) == MANY


def test_a_mistake_in_what_is_kept_of_a_message_stops_its_template(queue: Deliveries) -> None:
    class Mistaken(EmailChannel):
        def summary(self, rendered: Rendered) -> str:
            return NOTHING[rendered.subject]

    delivery = queue.delivery(Provider(), channels=[Mistaken()], composers=InThisProcess())
    asyncio.run(delivery.drain())
    assert set(queue.rows("SELECT state, tries FROM action")) == {("queued", 0)}
    [alarm] = delivery.alarms
    assert alarm.subject.startswith("template ")
    assert alarm.detail.startswith("KeyError at test_failures_of_gates.py:")
    queue.at(NOON + 2 * LONGEST_PAUSE)
    queue.drain(provider := Provider())
    assert len(provider.sent) == MANY


def test_a_mistake_that_nobody_expects_does_not_end_the_worker(queue: Deliveries) -> None:
    reads = itertools.count(1)

    def wrong(_: Connection) -> None:
        if next(reads) <= 4:
            raise KeyError("channels")

    async def live() -> None:
        stop = asyncio.Event()

        def script(_: Message) -> Answer:
            if len(provider.sent) == MANY:
                stop.set()
            return ACCEPT

        provider.script = script
        await asyncio.wait_for(queue.delivery(provider).run(stop), 60)

    queue.scripted().reading = wrong
    provider = Provider()
    asyncio.run(live())
    assert queue.states() == {"accepted:accepted": MANY}
