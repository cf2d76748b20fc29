"""An action's state after each kind of answer from a provider, as the log shows it."""

import asyncio
from email import message_from_bytes, policy

import pytest

from adapters.base import Answer, Message, Outcome
from engine.actions.history import LogFilter
from engine.actions.states import State
from engine.clock import DAY, HOUR, MINUTE
from engine.delivery.outcomes import LONGEST_WAIT, retry_wait
from tests.deliveries import NOON, Deliveries
from tests.provider import Provider


def answering(outcome: Outcome, reason: str = "", detail: str = "") -> Provider:
    return Provider(script=lambda _: Answer(outcome, reason, detail))


def test_an_accepted_message_is_logged_step_by_step(world: Deliveries) -> None:
    world.users(1)
    world.due_actions(1)
    provider = Provider()
    done = world.drain(provider)
    assert done.states == {State.ACCEPTED: 1}
    assert world.history(1) == ["queued", "claimed", "handed_off", "accepted"]
    assert world.rows("SELECT state, reason, tries, lease_until, adapter, reference, changed_at FROM action") == [
        ("accepted", "accepted", 1, None, "scripted", "ref-1", NOON)
    ]
    assert provider.opened == 0
    [message] = provider.sent
    assert (message.recipient, message.sender) == ("u1@example.com", "hello@example.com")
    parsed = message_from_bytes(message.payload.mime, policy=policy.default)
    assert parsed["Subject"] == "Hello you"
    assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert parsed["X-Habitue-Action"] == message.key


def test_a_refusal_for_now_is_tried_again_later_and_later(world: Deliveries) -> None:
    world.users(1)
    world.due_actions(1, expires_at=NOON + 30 * DAY)
    provider = answering(Outcome.RETRY, "greylisted", "450 4.2.0 later")
    waits = []
    for tries in (1, 2, 3):
        world.drain(provider, tries=4, retry_after="1m")
        [(state, reason, due_at, counted)] = world.rows("SELECT state, reason, due_at, tries FROM action")
        assert (state, reason, counted) == ("retrying", "greylisted", tries)
        waits.append(due_at - world.clock.now())
        assert waits[-1] == retry_wait(1, tries, MINUTE)
        world.drain(provider, tries=4, retry_after="1m")
        assert len(provider.sent) == tries, "not before it is due"
        world.at(due_at)
    world.drain(provider, tries=4, retry_after="1m")
    assert world.states() == {"failed:tries_exhausted": 1}
    assert waits == sorted(waits)
    assert len({message.key for message in provider.sent}) == 1
    [failed] = world.log(LogFilter(state="failed"))
    assert failed.detail == "greylisted: 450 4.2.0 later"


def test_waits_double_up_to_six_hours_with_an_own_jitter_for_each_action() -> None:
    for tries in range(1, 40):
        plain = min(MINUTE * 2 ** (tries - 1), LONGEST_WAIT)
        for action_id in range(20):
            assert 0.75 * plain <= retry_wait(action_id, tries, MINUTE) <= 1.25 * plain
    assert len({retry_wait(action_id, 3, HOUR) for action_id in range(50)}) > 40
    assert retry_wait(7, 3, HOUR) == retry_wait(7, 3, HOUR)


def test_a_rejected_message_failed_for_good(world: Deliveries) -> None:
    world.users(2)
    world.due_actions(2)
    provider = Provider(
        script=lambda message: (
            Answer(Outcome.REJECTED, "mailbox_unknown", "550 5.1.1 no such user")
            if message.recipient == "u1@example.com"
            else Answer(Outcome.ACCEPTED)
        )
    )
    world.drain(provider)
    assert world.states() == {"failed:mailbox_unknown": 1, "accepted:accepted": 1}
    world.at(world.clock.now() + DAY)
    world.drain(provider)
    assert len(provider.sent) == 2


def test_while_an_adapter_is_down_actions_wait_unharmed_and_one_message_tries(world: Deliveries) -> None:
    world.users(30)
    world.due_actions(30)
    down = answering(Outcome.ADAPTER_DOWN, "connection_failed", "refused")
    delivery = world.delivery(down)
    done = asyncio.run(delivery.drain())
    assert world.states() == {"queued:adapter_down": 30} or set(world.states()) <= {
        "queued:adapter_down",
        "queued:due",
    }
    assert world.rows("SELECT count(*) FROM action WHERE tries <> 0 OR lease_until IS NOT NULL") == [(0,)]
    assert len(down.sent) <= down.concurrency
    [alarm] = done.alarms
    assert (alarm.subject, alarm.reason, alarm.detail, alarm.since) == (
        "adapter `scripted` is down",
        "connection_failed",
        "refused",
        NOON,
    )
    assert "adapter `scripted` is down since 2026-09-22T12:00:00Z: connection_failed (refused)" in str(alarm)
    pauses = [alarm.until - NOON]
    for _ in range(3):
        already = len(down.sent)
        asyncio.run(delivery.drain())
        assert len(down.sent) == already, "paused"
        world.at(delivery.alarms[0].until)
        asyncio.run(delivery.drain())
        assert len(down.sent) == already + 1, "one message tries"
        pauses.append(delivery.alarms[0].until - world.clock.now())
    assert pauses == sorted(set(pauses)), "longer each time"
    world.at(delivery.alarms[0].until)
    down.script = None
    asyncio.run(delivery.drain())
    assert world.states() == {"accepted:accepted": 30}
    assert delivery.alarms == ()
    assert world.rows("SELECT DISTINCT tries FROM action") == [(1,)]


@pytest.mark.parametrize(
    ("policy_word", "expected"), [("hold", "unknown:disconnected"), ("resend", "retrying:resent_after_unknown")]
)
def test_an_unknown_is_held_or_sent_again_with_the_same_message_id(
    world: Deliveries, policy_word: str, expected: str
) -> None:
    world.users(1)
    world.due_actions(1)
    provider = answering(Outcome.UNKNOWN, "disconnected")
    world.drain(provider, unknown=policy_word)
    assert world.states() == {expected: 1}
    assert "unknown" in world.history(1), "visible in the log either way"
    provider.script = None
    world.at(world.clock.now() + DAY)
    world.drain(provider, unknown=policy_word)
    if policy_word == "hold":
        assert len(provider.sent) == 1
        return
    first, second = (message_from_bytes(message.payload.mime, policy=policy.default) for message in provider.sent)
    assert first["Message-ID"] == second["Message-ID"]
    assert provider.sent[0].key == provider.sent[1].key
    assert world.states() == {"accepted:accepted": 1}


def test_an_adapter_that_breaks_leaves_its_message_unknown_and_the_others_alone(world: Deliveries) -> None:
    world.users(5)
    world.due_actions(5)

    def script(message: Message) -> Answer:
        if message.recipient == "u3@example.com":
            raise KeyError("u3@example.com")
        return Answer(Outcome.ACCEPTED)

    world.drain(Provider(script=script))
    assert world.states() == {"unknown:adapter_error": 1, "accepted:accepted": 4}
    [(detail,)] = world.rows("SELECT detail FROM action_event WHERE state = 'unknown'")
    assert detail.startswith("KeyError at test_delivery_answers.py:")
    assert "@" not in detail


def test_what_a_provider_says_is_stored_whatever_it_is(world: Deliveries) -> None:
    world.users(1)
    world.due_actions(1)
    answer = Answer(Outcome.REJECTED, "rejected", "550 \x00 bad \udcff" + "x" * 1000)
    world.drain(Provider(script=lambda _: answer))
    [failed] = world.log(LogFilter(state="failed"))
    assert failed.detail.startswith("550  bad ")
    assert "\x00" not in failed.detail
    assert len(failed.detail) <= 300
