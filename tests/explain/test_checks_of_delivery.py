"""What ``habitue status`` reports of delivery, brought about by providers, bugs and workers; and the plans of its queries."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.base import Answer, Message, Outcome
from engine.clock import DAY, HOUR, MINUTE, SECOND, Instant
from engine.control.actions_by_hand import Chosen, carry_out
from engine.control.interventions import Hand
from engine.control.resolving import NOT_SENT
from engine.delivery.gates.base import Gate, Verdict
from engine.explain.notices import Notice, of_alarm
from engine.status.reading import read_status
from engine.worker.upkeep import Heartbeat
from tests.deliveries import NOON, Deliveries
from tests.explain.checking import beat, healthy, status, the_one
from tests.plans import noted_plans
from tests.provider import ACCEPT, Provider
from tests.world import World

LARGE = ("users", "user_state", "event", "action", "action_event", "enrolment", "coupon_code", "transition")


def test_an_adapter_that_is_down(world: World) -> None:
    """Nothing listens at that port."""
    world.configure(
        channels={"email": {"adapters": ["smtp"]}},
        adapters={"smtp": {"host": "127.0.0.1", "port": 1, "security": "none"}},
        brand={"sender": "hello@example.com"},
    )
    world.codes(*(f"C-{number}" for number in range(50)))
    world.user("ann")
    world.order("ann", 1, category="tea")
    world.tick(1, deliver=True)
    assert set(world.states()) == {"queued:adapter_down"}
    problem = the_one(status(world, 1), "adapter_paused")
    assert problem.subject == "channel email"
    alarms = world.app.delivery(world.content()).alarms
    beat(world, "w", 1, *map(of_alarm, alarms))
    problem = the_one(status(world, 1), "adapter_paused")
    assert (problem.subject, "adapter `smtp` is down" in problem.message) == ("worker w", True)
    assert "`[adapters]`" in problem.remedy


@pytest.fixture
def queue(tmp_path: Path, database_url: str) -> Iterator[Deliveries]:
    """A store that was ticked just now, with a queue."""
    made = Deliveries.create(tmp_path / "queue", database_url)
    made.users(40)
    made.app.tick(made.loaded, NOON)
    yield made
    made.close()


def answered(refused: int, reason: str = "mailbox_unavailable") -> Provider:
    """Return a provider that refuses the first so many users."""
    keys = {f"u{number}@example.com" for number in range(1, refused + 1)}

    def script(message: Message) -> Answer:
        return Answer(Outcome.REJECTED, reason, "550 no") if message.recipient in keys else ACCEPT

    return Provider(script=script)


def test_failed_messages_by_reason_for_a_day(queue: Deliveries) -> None:
    queue.due_actions(40)
    queue.drain(answered(2))
    problem = the_one(read_status(queue.app), "failed")
    assert problem.message == "2 messages by email failed in the last 24 hours: mailbox_unavailable"
    assert "`habitue log --state failed --reason mailbox_unavailable --since 24h`" in problem.remedy
    assert "`habitue resend --logged-reason mailbox_unavailable --since 24h`" in problem.remedy
    queue.at(NOON + DAY)
    healthy(read_status(queue.app))


def test_all_messages_of_a_tick_failed(queue: Deliveries) -> None:
    """The eighth case: that was "Nothing needs you"."""
    queue.due_actions(40)
    queue.drain(answered(40))
    assert [one.check for one in read_status(queue.app).attention] == ["refusals", "failed"]


@pytest.mark.parametrize(("refused", "checks"), [(0, []), (2, ["failed"]), (3, ["refusals", "failed"])])
def test_a_share_of_refusals_over_the_limit(queue: Deliveries, refused: int, checks: list[str]) -> None:
    queue.due_actions(40)
    queue.drain(answered(refused, "policy_refused"))
    seen = read_status(queue.app)
    assert [one.check for one in seen.attention] == checks
    if "refusals" in checks:
        assert "3 of the last 40 messages" in seen.attention[0].message
        assert "8%, more than 5%), mostly as policy_refused" in seen.attention[0].message
        queue.configure(status={"refused": 0.1})
        assert [one.check for one in read_status(queue.app).attention] == ["failed"]


def test_a_few_messages_say_nothing_about_a_share(queue: Deliveries) -> None:
    queue.due_actions(19)
    queue.drain(answered(10))
    assert [one.check for one in read_status(queue.app).attention] == ["failed"]


def test_unknown_messages(queue: Deliveries) -> None:
    queue.due_actions(1)
    queue.drain(Provider(script=lambda _: Answer(Outcome.UNKNOWN, "timeout")))
    problem = the_one(read_status(queue.app), "unknown")
    assert "1 message by email may have been sent: timeout" in problem.message
    assert "`habitue resolve sent`" in problem.remedy


def test_what_a_person_said_was_not_sent_needs_nobody(queue: Deliveries) -> None:
    queue.due_actions(40)
    queue.drain(Provider(script=lambda _: Answer(Outcome.UNKNOWN, "timeout")))
    carry_out(queue.database, NOT_SENT, Chosen(), Hand(), now=NOON)
    assert queue.states() == {"failed:resolved_not_sent": 40}
    healthy(read_status(queue.app))


def test_a_bug_in_an_adapter(queue: Deliveries) -> None:
    def broken(_: Message) -> Answer:
        raise KeyError("x")

    queue.due_actions(1)
    delivery = queue.delivery(Provider(script=broken))
    asyncio.run(delivery.drain())
    beat_at(queue, NOON, *map(of_alarm, delivery.alarms))
    checks = {one.check: one for one in read_status(queue.app).attention}
    assert set(checks) == {"adapter_paused", "unknown"}
    assert "KeyError" in checks["adapter_paused"].message


def test_a_bug_that_stops_a_channel(queue: Deliveries) -> None:
    def mistaken(*_: object) -> Verdict:
        raise KeyError("x")

    queue.due_actions(3)
    delivery = queue.delivery(Provider(), gates=(Gate("mistaken", mistaken, ()),))
    asyncio.run(delivery.drain())
    problem = the_one(read_status(queue.app), "code_stopped")
    assert "3 messages went back to the queue because of a bug" in problem.message
    beat_at(queue, NOON, *map(of_alarm, delivery.alarms))
    problem = the_one(read_status(queue.app), "code_stopped")
    assert (problem.subject, "KeyError at test_checks_of_delivery.py" in problem.message) == ("worker w", True)
    queue.at(NOON + HOUR)
    queue.app.tick(queue.loaded, queue.clock.now())
    queue.drain(Provider())
    beat_at(queue, NOON + HOUR)
    healthy(read_status(queue.app))


def beat_at(queue: Deliveries, at: int, *notices: Notice) -> None:
    Heartbeat(queue.app.database, "w").beat(Instant(at), "v", notices)


def test_workers_that_do_not_deliver(queue: Deliveries) -> None:
    queue.due_actions(1)
    for minute in range(8):
        queue.at(NOON + minute * MINUTE)
        queue.app.tick(queue.loaded, queue.clock.now())
    beat_at(queue, queue.clock.now())
    assert "without `--only ticks`" in the_one(read_status(queue.app), "not_delivering").remedy
    pausing = (
        "INSERT INTO pause (scope, name, origin, since, intervention_id) VALUES ('everything', '', 'person', 0, 1)"
    )
    queue.execute(pausing)
    problem = the_one(read_status(queue.app), "paused")
    assert (problem.subject, problem.remedy) == ("everything", "`habitue resume everything` lets it go on")
    queue.execute("DELETE FROM pause")
    queue.drain(Provider())
    healthy(read_status(queue.app))


def test_nothing_large_is_read_through_even_where_something_is_wrong(queue: Deliveries) -> None:
    """The plans of all queries, as the database makes them."""
    queue.due_actions(40)
    queue.drain(answered(20))
    queue.enrol(1)
    queue.execute("INSERT INTO coupon_code (coupon, code, claimed_at) VALUES ('GIFT', 'C', :now)", now=NOON - SECOND)
    with noted_plans(queue.app.database, of="SELECT") as plans:
        checks = {one.check for one in read_status(queue.app).attention}
    assert {"refusals", "failed", "retired_playbook", "pool"} <= checks
    assert len(plans) > 20
    read = [line.strip() for plan in plans for line in plan.splitlines()]
    through = [
        line
        for line in read
        if any(line.startswith(f"SCAN {table}") and "USING" not in line for table in LARGE)
        or any(f"Seq Scan on {table} " in f"{line} " for table in LARGE)
    ]
    assert through == []
