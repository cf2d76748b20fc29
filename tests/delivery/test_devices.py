"""A message goes to each of a user's devices, as an action of its own, and to nobody else's."""

import asyncio
from collections import Counter
from itertools import count

import pytest
from sqlalchemy import Connection

from adapters.base import Answer, Message, Outcome
from engine.actions.reasons import LedgerReason
from engine.clock import DAY, HOUR
from engine.control.interventions import Hand
from engine.control.suppressing import add
from engine.delivery.gates import GATES
from engine.delivery.gates.base import PASS, Gate, Verdict
from engine.delivery.pending_message import GateContext, PendingMessage
from engine.settings import ConsentSettings, DeviceSettings
from tests.deliveries import NOON, Deliveries
from tests.provider import ACCEPT, Provider

GONE = Answer(Outcome.REJECTED, "token_unregistered", "UNREGISTERED", gone=True)
TO = "attempt, channel, next_channels, state, reason"


def push(**options: object) -> Provider:
    return Provider("push", **options)  # type: ignore[arg-type]


def gone_for(*tokens: str) -> Provider:
    return push(script=lambda message: GONE if message.recipient in tokens else ACCEPT)


def pushes(world: Deliveries, number: int = 1, **draft: object) -> None:
    world.due_actions(number, channel="push", **draft)  # type: ignore[arg-type]


def device_of(world: Deliveries) -> dict[int, str | None]:
    """Return attempt -> the token of its device, of the first user's actions."""
    return dict(
        world.rows(
            "SELECT a.attempt, d.token FROM action AS a LEFT JOIN device AS d ON d.id = a.device_id"
            " WHERE a.user_id = 1 ORDER BY a.attempt"
        )
    )


# --- several devices -------------------------------------------------------------------------------------------------


def test_each_device_gets_it_by_an_action_of_its_own(world: Deliveries) -> None:
    world.users(1, locale="de")
    world.devices("old", "older phone", "phone")
    pushes(world, next_channels="sms,email", template="winback/offer")
    provider = push()
    world.drain(provider)
    assert Counter(provider.recipients) == Counter(["phone", "older phone", "old"])
    assert provider.recipients[0] == "phone"
    assert len({message.key for message in provider.sent}) == 3
    assert world.rows(f"SELECT {TO} FROM action ORDER BY attempt") == [
        (1, "push", "sms,email", "accepted", "accepted"),
        (2, "push", "", "accepted", "accepted"),
        (3, "push", "", "accepted", "accepted"),
    ]
    assert device_of(world) == {1: "phone", 2: "older phone", 3: "old"}
    assert world.history(2) == ["queued", "claimed", "handed_off", "accepted"]
    reasons = {one.reason for one in world.changes() if one.attempt > 1 and one.state == "queued"}
    assert reasons == {LedgerReason.FURTHER_DEVICE.value}
    assert sorted(str(one.address) for one in world.log()) == ["old", "older phone", "phone"]
    assert {message.payload.body for message in provider.sent} == {"u1 de"}


def test_most_that_get_it_are_those_seen_last(world: Deliveries) -> None:
    world.users(1)
    world.devices("d1", "d2", "d3", "d4")
    pushes(world)
    provider = push()
    world.drain(provider, devices=DeviceSettings(at_most=2))
    assert sorted(provider.recipients) == ["d3", "d4"]
    assert [one.attempt for one in world.log()] == [1, 2]


def test_silent_and_suppressed_devices_get_nothing(world: Deliveries) -> None:
    world.users(2)
    world.devices("fresh", "taken off")
    world.devices("silent", days_ago=271)
    world.devices("nearly", days_ago=269)
    world.devices("only silent", user=2, days_ago=300)
    add(world.database, "push", ["taken off"], Hand("ann", None), NOON)
    pushes(world, 2)
    provider = push()
    world.drain(provider)
    assert sorted(provider.recipients) == ["fresh", "nearly"]
    assert world.rows("SELECT user_id, state, reason FROM action WHERE user_id = 2") == [
        (2, "suppressed", "address_missing")
    ]


def test_without_a_device_the_next_channel_is_tried(world: Deliveries) -> None:
    world.users(2, phone="+4915112345678")
    world.devices("gone")
    add(world.database, "push", ["gone"], Hand("ann", None), NOON)
    pushes(world, 2, next_channels="sms")
    sms, provider = Provider("sms"), push()
    world.drain(provider, sms)
    assert provider.sent == []
    assert len(sms.sent) == 2
    assert world.states() == {"suppressed:address_missing": 2, "accepted:accepted": 2}


def test_the_language_of_the_device_counts_if_the_users_is_not_known(world: Deliveries) -> None:
    world.users(2)
    world.devices("d1")
    world.devices("d2", user=2)
    world.execute("UPDATE device SET locale = 'fr'")
    world.execute("UPDATE users SET locale = 'de' WHERE id = 2")
    pushes(world, 2)
    provider = push()
    world.drain(provider)
    assert {one.recipient: one.payload.body for one in provider.sent} == {"d1": "u1 fr", "d2": "u2 de"}


# --- gates run for each ----------------------------------------------------------------------------------------------


def test_gates_judge_each_of_them(world: Deliveries) -> None:
    world.users(1, consents={"push": False})
    world.devices("d1", "d2")
    pushes(world)
    provider = push()
    world.drain(provider)
    assert (provider.sent, world.states()) == ([], {"suppressed:opted_out": 1})
    pushes(world, message_class="transactional", step_id="receipt")
    world.drain(provider, consent=ConsentSettings(marketing="opt-in"))
    assert sorted(provider.recipients) == ["d1", "d2"]


def test_a_device_suppressed_after_the_first_was_handed_off_gets_nothing(world: Deliveries) -> None:
    world.users(1)
    world.devices("d1", "d2")
    pushes(world)

    def script(message: Message) -> Answer:
        add(world.database, "push", ["d1"], Hand("ann", None), NOON)
        return ACCEPT

    provider = push(script=script, concurrency=1)
    world.drain(provider)
    assert provider.recipients == ["d2"]
    assert world.states() == {"accepted:accepted": 1, "suppressed:address_suppressed": 1}


# --- a token that is gone --------------------------------------------------------------------------------------------


def test_the_last_device_that_is_gone_gives_way_to_the_next_channel(world: Deliveries) -> None:
    world.users(2, phone="+4915112345678")
    world.devices("dead")
    world.devices("dead too", "alive", user=2)
    pushes(world, 2, next_channels="sms")
    sms = Provider("sms")
    world.drain(gone_for("dead", "dead too"), sms)
    assert len(sms.sent) == 1
    assert world.rows(f"SELECT user_id, {TO} FROM action ORDER BY user_id, attempt") == [
        (1, 1, "push", "sms", "failed", "token_unregistered"),
        (1, 2, "sms", "", "accepted", "accepted"),
        (2, 1, "push", "sms", "accepted", "accepted"),
        (2, 2, "push", "", "failed", "token_unregistered"),
    ]
    later = push()
    pushes(world, 2, step_id="later")
    world.drain(later)
    assert later.recipients == ["alive"]


def test_no_other_channel_follows_if_the_message_goes_to_further_devices(world: Deliveries) -> None:
    world.users(1, phone="+4915112345678")
    world.devices("alive", "dead")
    pushes(world, next_channels="sms")
    sms = Provider("sms")
    world.drain(gone_for("dead"), sms)
    assert sms.sent == []
    assert sorted(world.rows("SELECT attempt, state FROM action")) == [(1, "failed"), (2, "accepted")]


def test_a_bound_device_that_a_gate_refuses_later_does_not_send_the_message_elsewhere(world: Deliveries) -> None:
    world.users(1, phone="+4915112345678")
    world.devices("d1", "d2")
    pushes(world, next_channels="sms")
    busy = push(script=lambda one: Answer(Outcome.RETRY, "busy") if one.recipient == "d2" else ACCEPT)
    world.drain(busy)
    add(world.database, "push", ["d2"], Hand("ann", None), NOON)
    world.at(NOON + HOUR)
    sms = Provider("sms")
    world.drain(push(), sms)
    assert sms.sent == []
    assert world.states() == {"suppressed:address_suppressed": 1, "accepted:accepted": 1}


# --- once bound, always bound ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", [Outcome.RETRY, Outcome.ADAPTER_DOWN])
def test_a_retry_goes_to_the_same_device_and_adds_no_other(world: Deliveries, outcome: Outcome) -> None:
    world.users(1)
    world.devices("d1", "d2")
    pushes(world)
    down = push(script=lambda _: Answer(outcome, "busy"), concurrency=1)
    world.drain(down)
    world.devices("d3")
    world.at(NOON + HOUR)
    provider = push()
    world.drain(provider)
    assert sorted(provider.recipients) == ["d1", "d2"]
    assert device_of(world) == {1: "d2", 2: "d1"}
    keys = {one.recipient: one.key for one in down.sent}
    assert all(keys[one.recipient] == one.key for one in provider.sent if one.recipient in keys)


def test_a_device_that_changes_hands_takes_no_message_along(world: Deliveries) -> None:
    """It does so between loading and the hand-off; and again while a message waits for its retry."""
    world.users(2)
    world.devices("shared", "own")
    pushes(world)
    moved: list[int] = []

    def judge(_message: PendingMessage, _: None, _context: GateContext) -> Verdict:
        if not moved:
            moved.append(1)
            world.execute("UPDATE device SET user_id = 2 WHERE token = 'own'")
        return PASS

    busy = push(script=lambda _: Answer(Outcome.RETRY, "busy"))
    world.drain(busy, gates=(*GATES, Gate("moving", judge, ())))
    assert busy.recipients == ["shared"]
    assert "device_changed" in {one.reason for one in world.changes()}
    world.execute("UPDATE device SET user_id = 2")
    world.at(NOON + DAY)
    later = push()
    world.drain(later)
    assert later.sent == []
    assert world.states() == {"suppressed:address_missing": 1}


def test_a_lost_device_is_not_blamed_on_the_adapters(world: Deliveries) -> None:
    """The user has another device by now, which the adapter serves: the message was for the one that is gone."""
    world.users(2)
    world.devices("first")
    pushes(world)
    world.drain(push(script=lambda _: Answer(Outcome.RETRY, "busy")))
    world.devices("second")
    world.execute("UPDATE device SET user_id = 2 WHERE token = 'first'")
    world.at(NOON + DAY)
    world.drain(push())
    assert world.states() == {"suppressed:address_missing": 1}


# --- a crash at any commit -------------------------------------------------------------------------------------------


class Died(Exception):
    """The worker died here."""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at", range(1, 7))
def test_a_crash_at_any_commit_loses_no_device_and_doubles_none(world: Deliveries, at: int, when: str) -> None:
    """The actions for further devices are there with the first hand-off, or it has not been."""
    world.users(3)
    for user in (1, 2, 3):
        world.devices(*(f"{user}.{device}" for device in range(user)), user=user)
    pushes(world, 3)
    commits = count(1)

    def dying(_: Connection | None = None) -> None:
        if next(commits) == at:
            raise Died

    store = world.scripted()
    if when == "before":
        store.committing = dying
    else:
        store.committed = dying
    first = push(concurrency=1)
    with pytest.raises(Died):
        asyncio.run(world.delivery(first, in_flight=2).drain())
    bound = world.rows("SELECT user_id FROM action WHERE attempt = 1 AND device_id IS NOT NULL")
    there = dict(world.rows("SELECT user_id, count(*) FROM action GROUP BY user_id"))
    assert {user: there[user] for (user,) in bound} == {user: user for (user,) in bound}
    world.close()
    world.at(NOON + HOUR)
    second = push()
    world.drain(second, unknown="resend")
    world.at(NOON + 2 * HOUR)
    world.drain(second, unknown="resend")
    assert world.states() == {"accepted:accepted": 6}
    tokens = world.rows("SELECT d.token FROM action AS a JOIN device AS d ON d.id = a.device_id ORDER BY 1")
    assert tokens == [("1.0",), ("2.0",), ("2.1",), ("3.0",), ("3.1",), ("3.2",)]
    sent = [*first.sent, *second.sent]
    assert len({one.key for one in sent}) == 6
