"""What is paused is not sent, holds up nothing else, and goes on where it was."""

import asyncio
from typing import Any

import pytest

from adapters.base import Answer, Message
from engine.actions.claims import Claims
from engine.clock import DAY, MINUTE
from engine.delivery.dispatch import Delivery
from engine.delivery.gates import GATES
from engine.delivery.gates.base import PASS, Gate, Verdict
from engine.delivery.pending_message import GateContext, PendingMessage
from engine.delivery.tally import DeliveryCounts
from engine.errors import InputError
from engine.explain.pauses import read_pauses
from engine.store.paused import Subject, SubjectScope
from tests.control.hands import ANN, BOB, EVERYTHING, channel, paused, pauses, playbook, record, resumes
from tests.deliveries import NOON, Deliveries
from tests.plans import plans
from tests.provider import ACCEPT, Provider

ALL = [
    playbook("winback"),
    channel("email"),
    Subject(SubjectScope.ADAPTER, "scripted"),
    Subject(SubjectScope.CLASS, "marketing"),
    EVERYTHING,
]


def three_kinds(world: Deliveries) -> None:
    """Actions 1 to 4 are winback's, by email; 5 is a receipt by email; 6 is a receipt by SMS, through another adapter."""
    world.users(6, phone="+12025550100")
    world.due_actions(4)
    world.due_actions(1, first=5, playbook="receipts", message_class="transactional")
    world.due_actions(1, first=6, playbook="receipts", message_class="transactional", channel="sms")


def drain(world: Deliveries) -> tuple[DeliveryCounts, list[str]]:
    email, sms = Provider(), Provider(channel="sms", name="texts")
    counts = world.drain(email, sms)
    return counts, sorted(email.recipients + sms.recipients)


@pytest.mark.parametrize("subject", ALL, ids=str)
def test_what_is_paused_waits_untouched_and_everything_else_is_sent(world: Deliveries, subject: Subject) -> None:
    three_kinds(world)
    pauses(world, subject)
    stopped = {
        SubjectScope.PLAYBOOK: {1, 2, 3, 4},
        SubjectScope.CLASS: {1, 2, 3, 4},
        SubjectScope.CHANNEL: {1, 2, 3, 4, 5},
        SubjectScope.ADAPTER: {1, 2, 3, 4, 5},
        SubjectScope.EVERYTHING: {1, 2, 3, 4, 5, 6},
    }[subject.scope]
    counts, sent = drain(world)
    assert len(sent) == counts.accepted == counts.total == 6 - len(stopped)
    waiting = world.rows("SELECT id, state, reason, tries, fence FROM action WHERE state <> 'accepted' ORDER BY id")
    assert waiting == [(number, "queued", "due", 0, 0) for number in sorted(stopped)]
    assert all(world.history(number) == ["queued"] for number in stopped)
    resumes(world, subject)
    _, sent_later = drain(world)
    assert len(sent_later) == len(stopped)
    assert world.states() == {"accepted:accepted": 6}


def test_paused_messages_do_not_hold_up_those_behind_them(world: Deliveries) -> None:
    world.users(12)
    world.due_actions(10, at=NOON - DAY)
    world.due_actions(2, first=11, playbook="news")
    pauses(world, playbook("winback"))
    provider = Provider()
    world.drain(provider, batch=1)
    assert sorted(provider.recipients) == ["u11@example.com", "u12@example.com"]


def test_nothing_is_claimed_over_and_over(world: Deliveries) -> None:
    """A drain ends when nothing more can be claimed, so one that spins would not end."""
    world.users(3)
    world.due_actions(3)
    pauses(world, playbook())
    assert world.drain(Provider()).total == 0
    assert world.rows("SELECT count(*) FROM action_event") == [(3,)]


@pytest.mark.parametrize("subject", [playbook("winback"), Subject(SubjectScope.CLASS, "marketing")], ids=str)
def test_claims_still_read_one_range_of_the_index(world: Deliveries, subject: Subject) -> None:
    world.users(3)
    world.due_actions(3)
    pauses(world, subject)
    claims = Claims(world.database.dialect, MINUTE)
    found = plans(world.database, lambda connection: claims.take(connection, "email", NOON, 9), of="FROM action ")
    assert found
    for plan in found:
        assert "action_next" in plan


# --- a running campaign -----------------------------------------------------------------------------------------


class HastyLoop(asyncio.SelectorEventLoop):
    """A loop whose clock runs two thousand times too fast: what is known is stale after a few messages, and no lease ends."""

    def time(self) -> float:
        return super().time() * 2_000


def run_hastily(delivery: Delivery) -> DeliveryCounts:
    with asyncio.Runner(loop_factory=HastyLoop) as runner:
        return runner.run(delivery.drain())


@pytest.mark.parametrize("subject", ALL, ids=str)
def test_what_was_handed_off_but_not_begun_goes_back_unharmed(world: Deliveries, subject: Subject) -> None:
    def pause_at_the_first(_: Message) -> Answer:
        if len(provider.sent) == 1:
            pauses(world, subject)
        return ACCEPT

    world.users(150)
    world.due_actions(150)
    provider = Provider(script=pause_at_the_first, concurrency=1)
    run_hastily(world.delivery(provider, in_flight=20, batch=30))
    assert len(provider.sent) == 1
    assert world.rows("SELECT DISTINCT state, tries FROM action WHERE state <> 'accepted'") == [("queued", 0)]
    given_back = world.rows("SELECT action_id, intervention_id FROM action_event WHERE reason = 'paused'")
    assert len(given_back) == len({action for action, _ in given_back})
    # One batch is handed off, one composed, one claimed, if the first message takes its time.
    assert 9 <= len(given_back) < 90, "those of the batches that were claimed, and no others"
    assert {by for _, by in given_back} == {record(world)[0].id}
    resumes(world, subject)
    provider.script = None
    run_hastily(world.delivery(provider, in_flight=20, batch=30))
    assert sorted(provider.recipients) == sorted(f"u{number}@example.com" for number in range(1, 151))
    assert world.states() == {"accepted:accepted": 150}


@pytest.mark.parametrize("counting", [False, True], ids=["no gate counts", "a gate counts"])
def test_nothing_is_handed_off_after_a_pause(world: Deliveries, counting: bool) -> None:
    """The pause comes while the gates judge what was claimed."""

    def judge(message: PendingMessage, _: None, _context: GateContext) -> Verdict:
        if message.action_id == 1:
            pauses(world, playbook())
        return PASS

    def reserve(*_: Any) -> dict[int, Verdict]:
        return {}

    world.users(10)
    world.due_actions(10)
    gate = Gate("pausing", judge, (), reserve=reserve if counting else None)
    provider = Provider()
    world.drain(provider, gates=(*GATES, gate))
    assert provider.sent == []
    assert world.states() == {"queued:paused": 10}
    assert world.history(1) == ["queued", "claimed", "queued"]


def test_a_message_that_was_being_retried_is_paused_like_any_other(world: Deliveries) -> None:
    world.users(1)
    world.due_actions(1, state="retrying")
    pauses(world, playbook())
    assert world.drain(Provider()).total == 0
    assert world.states() == {"retrying:due": 1}


# --- expiry -----------------------------------------------------------------------------------------------------


def test_messages_expire_while_they_are_paused_and_the_report_says_so(world: Deliveries) -> None:
    world.users(3)
    world.due_actions(2, expires_at=NOON + DAY)
    world.due_actions(1, first=3, expires_at=NOON + 3 * DAY)
    pauses(world, playbook())
    world.at(NOON + 2 * DAY)
    with world.database.read() as connection:
        [report] = read_pauses(connection, {"email": ["scripted"]}, world.clock.now())
    assert (report.subject, report.who, report.why) == ("playbook winback", "ann", "wrong coupon")
    assert str(report.waiting) == "3 messages wait, 2 of them expired meanwhile, the next expires 2026-09-25T12:00:00Z"
    assert report.remedy == "`habitue resume playbook winback` lets it go on"
    resumes(world, playbook())
    world.drain(Provider())
    assert world.states() == {"accepted:accepted": 1, "expired:expired": 2}


@pytest.mark.parametrize(
    ("subject", "waiting"),
    [*zip(ALL, [4, 5, 5, 4, 6], strict=True), (playbook("receipts"), 2), (channel("push"), 0)],
    ids=str,
)
def test_the_report_counts_what_waits(world: Deliveries, subject: Subject, waiting: int) -> None:
    three_kinds(world)
    pauses(world, subject)
    with world.database.read() as connection:
        [report] = read_pauses(connection, {"email": ["scripted"], "sms": ["texts"]}, world.clock.now())
    assert report.waiting.messages == waiting
    assert not report.waiting.more


# --- people -----------------------------------------------------------------------------------------------------


def test_who_pauses_what_is_paused_already_changes_nothing(world: Deliveries) -> None:
    assert pauses(world, playbook(), ANN).new
    world.at(NOON + MINUTE)
    again = pauses(world, playbook(), BOB)
    assert (again.new, again.pause.who, again.pause.since) == (False, "ann", NOON)
    assert [one.command for one in record(world)] == ["pause"]


def test_the_record_says_who_did_what_and_why(world: Deliveries) -> None:
    pauses(world, channel(), ANN)
    world.at(NOON + MINUTE)
    resumes(world, channel(), BOB)
    said = [(one.at, one.who, one.command, one.subject, one.why) for one in record(world)]
    assert said == [
        (NOON + MINUTE, "bob", "resume", "channel email", "it was right after all"),
        (NOON, "ann", "pause", "channel email", "wrong coupon"),
    ]
    assert paused(world) == []


@pytest.mark.parametrize(
    ("first", "sentence"),
    [(None, "playbook winback is not paused; nothing is paused"), (channel(), "is not paused; paused: channel email")],
)
def test_what_is_not_paused_cannot_be_resumed(world: Deliveries, first: Subject | None, sentence: str) -> None:
    if first is not None:
        pauses(world, first)
    with pytest.raises(InputError, match=sentence):
        resumes(world, playbook())


def test_two_pauses_of_the_same_messages_end_one_by_one(world: Deliveries) -> None:
    world.users(1)
    world.due_actions(1)
    pauses(world, playbook())
    pauses(world, EVERYTHING)
    resumes(world, playbook())
    assert world.drain(Provider()).total == 0
    resumes(world, EVERYTHING)
    assert world.drain(Provider()).accepted == 1


def test_the_log_says_who_paused_a_message_that_came_back(world: Deliveries) -> None:
    def judge(message: PendingMessage, _: None, _context: GateContext) -> Verdict:
        if message.action_id == 1:
            pauses(world, playbook())
        return PASS

    world.users(2)
    world.due_actions(1)
    world.drain(Provider(), gates=(*GATES, Gate("pausing", judge, ())))
    [entry] = world.log()
    assert (entry.reason, entry.who, entry.why) == ("paused", "ann", "wrong coupon")
    assert [(one.state, one.who) for one in world.changes()] == [("queued", None), ("claimed", None), ("queued", "ann")]
    shown = world.command("log", "--history")
    assert "(by ann: wrong coupon)" in " ".join(shown.stdout.split())


@pytest.mark.parametrize("subject", ALL, ids=str)
def test_explain_says_what_of_a_user_is_paused(world: Deliveries, subject: Subject) -> None:
    world.users(2)
    world.due_actions(1)
    pauses(world, subject)
    explained = world.explain("u1", 300)
    assert [(one.subject, one.who, one.why) for one in explained.pauses] == [(str(subject), "ann", "wrong coupon")]
    assert world.explain("u2", 300).pauses == ()
    shown = world.command("explain", "u1").stdout
    assert f"`habitue resume {subject}` lets it go on" in " ".join(shown.split())
