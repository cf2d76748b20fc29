"""A mistake of the program costs no message anything: it waits, the alarm says where the mistake is, and it goes on."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, text

from adapters.base import Answer, Message, Outcome
from engine.actions.quarantined import retry_quarantined
from engine.breaker import LONGEST_PAUSE
from engine.channels import CHANNELS
from engine.channels.base import blocks_of
from engine.channels.email import EmailChannel
from engine.clock import DAY, HOUR, MINUTE
from engine.delivery.dispatch import Delivery
from engine.delivery.gates import GATES
from engine.delivery.gates.base import PASS, Columns, Gate, Lookup, Verdict
from engine.delivery.pending_message import GateContext, PendingMessage
from engine.messages.filters import filters_of
from engine.messages.templates import TemplateLibrary
from engine.store.quarantine import A_FEW, FIRST_WAIT
from tests.deliveries import NOON, Deliveries
from tests.in_this_process import InThisProcess
from tests.provider import ACCEPT, Provider

ALL = 300
NOTHING: dict[str, Verdict] = {}


@pytest.fixture
def planted() -> list[bool]:
    """Whether the mistake is in the program: taken out, it is mended."""
    return [True]


@pytest.fixture
def queue(world: Deliveries) -> Deliveries:
    world.users(ALL)
    world.due_actions(ALL)
    return world


def unharmed(world: Deliveries) -> None:
    """All wait, nothing was counted against any of them."""
    assert dict(world.rows("SELECT state, count(*) FROM action GROUP BY state")) == {"queued": ALL}
    assert world.rows("SELECT count(*) FROM action WHERE tries <> 0 OR lease_until IS NOT NULL") == [(0,)]
    assert world.rows("SELECT count(*) FROM quarantine") == [(0,)]


def says_where(delivery: Delivery, kind: str, subject: str) -> None:
    """The one alarm names what has stopped, the kind of the mistake, and its file and line."""
    [alarm] = delivery.alarms
    assert alarm.subject == f"{subject} has stopped"
    assert alarm.reason == "code_at_fault"
    assert alarm.detail.startswith(f"{kind} at test_failures.py:")


def everything_goes(world: Deliveries, delivery: Delivery, provider: Provider) -> None:
    world.at(world.clock.now() + 2 * LONGEST_PAUSE)
    asyncio.run(delivery.drain())
    world.at(world.clock.now() + LONGEST_PAUSE)
    asyncio.run(delivery.drain())
    assert world.states() == {"accepted:accepted": ALL}
    assert sorted(provider.recipients) == sorted(f"u{number}@example.com" for number in range(1, ALL + 1))
    assert delivery.alarms == ()


def gate_that_breaks(planted: list[bool]) -> Gate[None]:
    def judge(message: PendingMessage, _: None, _context: GateContext) -> Verdict:
        return NOTHING[message.user_key] if planted else PASS

    return Gate("broken", judge, ())


def test_a_mistake_in_a_gate(queue: Deliveries, planted: list[bool], capfd: pytest.CaptureFixture[str]) -> None:
    provider = Provider()
    delivery = queue.delivery(provider, gates=(*GATES, gate_that_breaks(planted)))
    asyncio.run(delivery.drain())
    unharmed(queue)
    assert provider.sent == []
    says_where(delivery, "KeyError", "sending by email")
    [(detail,)] = queue.rows(
        "SELECT DISTINCT detail FROM action_event WHERE reason = 'code_at_fault' AND detail LIKE 'KeyError%'"
    )
    assert detail == delivery.alarms[0].detail
    said = capfd.readouterr()
    assert "code_at_fault" in said.out + said.err
    assert "example.com" not in said.out + said.err
    planted.clear()
    everything_goes(queue, delivery, provider)


def test_the_stops_grow(queue: Deliveries, planted: list[bool]) -> None:
    delivery = queue.delivery(Provider(), gates=(*GATES, gate_that_breaks(planted)))
    pauses = []
    for _ in range(10):
        asyncio.run(delivery.drain())
        pauses.append(delivery.alarms[0].until - queue.clock.now())
        before = queue.rows("SELECT count(*) FROM action_event")
        asyncio.run(delivery.drain())
        assert queue.rows("SELECT count(*) FROM action_event") == before, "nothing is touched while it has stopped"
        queue.at(delivery.alarms[0].until)
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (5_000, LONGEST_PAUSE)
    assert delivery.alarms[0].since == NOON
    unharmed(queue)


def test_a_mistake_in_loading(queue: Deliveries, planted: list[bool]) -> None:
    class Mistaken(EmailChannel):
        def suppression_form(self, address: str) -> str:
            return super().suppression_form(address + 1 if planted else address)  # type: ignore[operator]

    provider = Provider()
    delivery = queue.delivery(provider, channels=[Mistaken()], composers=InThisProcess())
    asyncio.run(delivery.drain())
    unharmed(queue)
    says_where(delivery, "TypeError", "sending by email")
    planted.clear()
    everything_goes(queue, delivery, provider)


def broken_read(planted: list[bool]) -> Columns[object]:
    return Columns({"tries": "a.tries"}, lambda row: row.misspelt if planted else row.tries)


def broken_lookup(planted: list[bool]) -> Lookup[object]:
    def load(_: Connection, messages: Sequence[PendingMessage]) -> Mapping[int, object]:
        return {message.action_id: message.misspelt for message in messages} if planted else {}  # type: ignore[attr-defined]

    return Lookup(load, None)


@pytest.mark.parametrize("needs", [broken_read, broken_lookup])
def test_a_mistake_in_what_a_gate_reads(
    queue: Deliveries, planted: list[bool], needs: Callable[[list[bool]], Columns[object] | Lookup[object]]
) -> None:
    provider = Provider()
    gate: Gate[object] = Gate("broken", lambda *_: PASS, (), needs(planted))
    delivery = queue.delivery(provider, gates=(*GATES, gate))
    asyncio.run(delivery.drain())
    unharmed(queue)
    says_where(delivery, "AttributeError", "sending by email")
    planted.clear()
    everything_goes(queue, delivery, provider)


def test_a_column_that_is_not_there(queue: Deliveries) -> None:
    gate: Gate[Any] = Gate("broken", lambda *_: PASS, (), Columns({"x": "a.no_such_column"}, lambda row: row.x))
    delivery = queue.delivery(Provider(), gates=(*GATES, gate))
    asyncio.run(delivery.drain())
    unharmed(queue)
    [alarm] = delivery.alarms
    assert "selecting.py:" in alarm.detail
    provider = Provider()
    queue.at(NOON + HOUR)
    everything_goes(queue, queue.delivery(provider), provider)


def test_a_mistake_in_reserving(queue: Deliveries, planted: list[bool]) -> None:
    def reserve(connection: Connection, messages: Sequence[PendingMessage], _: GateContext) -> Mapping[int, Verdict]:
        connection.execute(text("SELECT 1"))
        return {messages[0].action_id: PASS.reason} if planted else {}  # type: ignore[attr-defined]

    provider = Provider()
    gate: Gate[None] = Gate("broken", lambda *_: PASS, (), reserve=reserve)
    delivery = queue.delivery(provider, gates=(*GATES, gate))
    asyncio.run(delivery.drain())
    unharmed(queue)
    says_where(delivery, "AttributeError", "sending by email")
    planted.clear()
    everything_goes(queue, delivery, provider)


def test_a_mistake_in_a_filter_stops_the_templates_that_use_it(queue: Deliveries, planted: list[bool]) -> None:
    def mistaken(value: Any, other: Any = "", empty_too: bool = False) -> Any:
        return value.misspelt if planted else (value or other)

    queue.execute("UPDATE action SET template = 'winback/plain' WHERE id > 200")
    templates = {
        "winback/offer.email.j2": "{% block subject %}{{ facts.first_name | default('you', true) }}{% endblock %}"
        "{% block html %}<p>Hello</p>{% endblock %}",
        "winback/plain.email.j2": "{% block subject %}Hello{% endblock %}{% block html %}<p>Hello</p>{% endblock %}",
    }
    library = TemplateLibrary(
        templates, blocks_of(CHANNELS), filters=lambda frames: {**filters_of(frames), "default": mistaken}
    )
    provider = Provider()
    delivery = queue.delivery(provider, library=library, composers=InThisProcess())
    asyncio.run(delivery.drain())
    assert queue.states() == {"queued:code_at_fault": 200, "accepted:accepted": 100}
    says_where(delivery, "AttributeError", "template `winback/offer`")
    planted.clear()
    everything_goes(queue, delivery, provider)


def test_one_row_that_brings_a_mistake_out_holds_up_the_others_for_a_moment_only(queue: Deliveries) -> None:
    def judge(message: PendingMessage, _: None, _context: GateContext) -> Verdict:
        return NOTHING["x"] if message.user_id == 7 else PASS

    provider = Provider()
    delivery = queue.delivery(provider, gates=(*GATES, Gate("broken", judge, ())))
    for _ in range(4):
        asyncio.run(delivery.drain())
        queue.at(queue.clock.now() + MINUTE)
    assert queue.states() == {"accepted:accepted": ALL - 1, "queued:code_at_fault": 1}


def _raises(message: Message) -> Answer:
    raise KeyError(message.recipient)


def _answers_nothing(_: Message) -> Answer:
    return None  # type: ignore[return-value]


def _leaks_a_cancellation(_: Message) -> Answer:
    raise asyncio.CancelledError


@pytest.mark.parametrize(
    ("script", "detail"),
    [
        (_raises, "KeyError at test_failures.py:"),
        (_answers_nothing, "TypeError at adapter_call.py:"),
        (_leaks_a_cancellation, "CancelledError at test_failures.py:"),
    ],
)
def test_a_mistake_in_an_adapter_leaves_those_unknown_that_it_had_and_no_other(
    queue: Deliveries, script: Callable[[Message], Answer], detail: str
) -> None:
    broken = Provider(script=script)
    delivery = queue.delivery(broken)
    asyncio.run(delivery.drain())
    lost = len(broken.sent)
    assert 1 <= lost <= broken.concurrency
    states = dict(queue.rows("SELECT state, count(*) FROM action GROUP BY state"))
    assert states == {"unknown": lost, "queued": ALL - lost}
    assert queue.rows("SELECT count(*) FROM action WHERE state = 'queued' AND tries <> 0") == [(0,)]
    [alarm] = delivery.alarms
    assert alarm.subject == "adapter `scripted` is down"
    assert alarm.detail.startswith(detail)
    queue.at(alarm.until)
    asyncio.run(delivery.drain())
    assert len(broken.sent) == lost + 1, "one message tries"
    broken.script = lambda _: ACCEPT
    queue.at(delivery.alarms[0].until)
    asyncio.run(delivery.drain())
    assert queue.states() == {"accepted:accepted": ALL - lost - 1, "unknown:adapter_error": lost + 1}
    assert delivery.alarms == ()
    assert len(set(broken.recipients)) == ALL, "nobody was sent to twice"


def test_a_channel_that_has_stopped_holds_up_no_other(queue: Deliveries, planted: list[bool]) -> None:
    def judge(message: PendingMessage, _: None, _context: GateContext) -> Verdict:
        return NOTHING["x"] if message.channel == "email" else PASS

    queue.execute("UPDATE users SET phone = '+4915112345678'")
    queue.execute("UPDATE action SET channel = 'sms' WHERE id > 100")
    sms = Provider(channel="sms", name="texts")
    queue.drain(Provider(), sms, gates=(*GATES, Gate("broken", judge, ())))
    assert len(sms.sent) == 200


# --- rows ------------------------------------------------------------------------------------------------------------


def lacking(world: Deliveries, *numbers: int) -> None:
    """Give these users' messages a template that needs a value which they lack."""
    listed = ", ".join(map(str, numbers))
    world.execute(f"UPDATE action SET template = 'winback/strict' WHERE id IN ({listed})")


def test_a_message_whose_values_do_not_do_is_set_aside_and_tried_later_and_later(world: Deliveries) -> None:
    world.users(10)
    world.due_actions(10, expires_at=NOON + 30 * DAY)
    lacking(world, 4)
    provider = Provider()
    delivery = world.delivery(provider)
    waits = []
    for tries in range(1, 8):
        asyncio.run(delivery.drain())
        [(kind, row, stage, reason, retry_at, counted)] = world.rows(
            "SELECT kind, row_id, stage, reason, retry_at, tries FROM quarantine"
        )
        assert (kind, row, stage, reason, counted) == ("action", 4, "compose", "render_failed", tries)
        assert world.rows("SELECT state, due_at FROM action WHERE id = 4") == [("deferred", retry_at)]
        waits.append(retry_at - world.clock.now())
        world.at(retry_at)
    assert waits == [FIRST_WAIT * factor for factor in (1, 2, 4, 8, 16, 24, 24)]
    assert delivery.alarms == (), "one message that fails again and again is no template's fault"
    world.execute("UPDATE user_state SET fact_first_name = 'Ada' WHERE user_id = 4")
    asyncio.run(delivery.drain())
    assert world.states() == {"accepted:accepted": 10}
    assert world.rows("SELECT * FROM quarantine") == []


def test_a_row_in_quarantine_is_tried_on_demand(world: Deliveries) -> None:
    world.users(3)
    world.due_actions(3)
    lacking(world, 2, 3)
    provider = Provider()
    world.drain(provider)
    world.execute("UPDATE user_state SET fact_first_name = 'Ada' WHERE user_id = 2")
    with world.database.write() as connection:
        assert retry_quarantined(connection, world.clock.now()) == 2
    world.drain(provider)
    assert dict(world.rows("SELECT id, state FROM action")) == {1: "accepted", 2: "accepted", 3: "deferred"}
    assert world.rows("SELECT row_id, tries FROM quarantine") == [(3, 2)]


def test_a_row_that_cannot_be_read_expires_like_any_other(world: Deliveries) -> None:
    world.users(2)
    world.due_actions(2, send_window="whenever")
    world.drain(Provider())
    assert world.states() == {"deferred:row_unreadable": 2}
    world.at(NOON + 8 * DAY)
    world.drain(Provider())
    assert world.states() == {"expired:expired": 2}
    assert world.rows("SELECT * FROM quarantine") == []


def test_a_template_that_fails_for_one_after_the_other_is_at_fault_itself(world: Deliveries) -> None:
    world.users(60)
    world.due_actions(60)
    lacking(world, *range(11, 51))
    provider = Provider()
    delivery = world.delivery(provider)
    asyncio.run(delivery.drain())
    assert world.states() == {"accepted:accepted": 20, "queued:code_at_fault": 40}
    assert world.rows("SELECT * FROM quarantine") == []
    [alarm] = delivery.alarms
    assert alarm.subject == "template `winback/strict` has stopped"
    assert alarm.detail.startswith("winback/strict.email.j2:1: ")
    world.execute("UPDATE user_state SET fact_first_name = 'Ada'")
    world.at(NOON + HOUR)
    asyncio.run(delivery.drain())
    assert world.states() == {"accepted:accepted": 60}


def test_a_few_in_a_row_are_rows(world: Deliveries) -> None:
    world.users(60)
    world.due_actions(60)
    lacking(world, *range(11, 11 + A_FEW))
    world.drain(Provider())
    assert world.states() == {"accepted:accepted": 60 - A_FEW, "deferred:render_failed": A_FEW}


def test_when_most_rows_cannot_be_read_not_the_rows_are_at_fault(world: Deliveries) -> None:
    world.users(60)
    world.due_actions(60, send_window="whenever")
    world.execute("UPDATE action SET send_window = NULL WHERE id <= 30")
    delivery = world.delivery(Provider())
    asyncio.run(delivery.drain())
    assert set(dict(world.rows("SELECT state, count(*) FROM action GROUP BY state"))) == {"queued"}
    assert world.rows("SELECT * FROM quarantine") == []
    assert delivery.alarms[0].detail == "the action's send_window is not a window such as 09:00-20:00"


def test_a_rejected_message_fails_all_the_same(world: Deliveries) -> None:
    world.users(1)
    world.due_actions(1)
    world.drain(Provider(script=lambda _: Answer(Outcome.REJECTED, "mailbox_unknown")))
    assert world.states() == {"failed:mailbox_unknown": 1}
