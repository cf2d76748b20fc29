"""Providers that recognise a second copy: what may have been sent is sent again with the same key, and nobody gets it twice."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest

from adapters.base import Answer, Message, Outcome
from engine.actions.send_keys import SendKey
from engine.clock import DAY, HOUR, MINUTE
from engine.control.actions_by_hand import Chosen, carry_out
from engine.control.interventions import Hand
from engine.control.resolving import send_again
from engine.delivery.outcomes import unknown
from engine.settings import DeliverySettings
from tests.deliveries import NOON, Deliveries, action_of
from tests.provider import ACCEPT, Provider

LEASE = 5 * MINUTE
LIFETIME = 10 * HOUR
LOST = Answer(Outcome.UNKNOWN, "disconnected", "the connection broke")
NO_KEYS = Answer(Outcome.ADAPTER_DOWN, "connection_failed", "it cannot be reached")


@dataclass
class Keyed(Provider):
    """A provider that gives keys, and delivers one message for each, however often it is handed over."""

    send_key_lifetime: int = LIFETIME
    refuses_keys: Answer | None = None
    gives: Callable[[int], Sequence[str]] | None = None
    given: int = 0
    delivered: dict[str, int] = field(default_factory=dict)
    """Key -> action, of what has reached people."""

    async def send_keys(self, count: int) -> Sequence[str] | Answer:
        await asyncio.sleep(0)
        if self.refuses_keys:
            return self.refuses_keys
        if self.gives:
            return self.gives(count)
        self.given += count
        return [f"{self.name}-{self.given - number}" for number in range(count)]

    async def send(self, message: Message) -> Answer:
        assert message.send_key
        self.delivered.setdefault(message.send_key, action_of(message))
        return await super().send(message)

    @property
    def keys(self) -> dict[int, set[str]]:
        """Action -> the keys with which it was handed over."""
        found: dict[int, set[str]] = {}
        for message in self.sent:
            found.setdefault(action_of(message), set()).add(message.send_key)
        return found


def first_lost(times: int = 1) -> Callable[[Message], Answer]:
    """Return a script that takes every message, and whose first answers to each are lost."""
    seen: Counter[str] = Counter()

    def script(message: Message) -> Answer:
        seen[message.key] += 1
        return LOST if seen[message.key] <= times else ACCEPT

    return script


def doubts(world: Deliveries) -> list[int]:
    return [action for (action,) in world.rows("SELECT id FROM action WHERE in_doubt_since IS NOT NULL ORDER BY id")]


@pytest.mark.parametrize("policy_word", ["hold", "resend"])
def test_what_may_have_been_sent_is_sent_again_at_once_with_the_same_key(world: Deliveries, policy_word: str) -> None:
    world.users(20)
    world.due_actions(20)
    provider = Keyed(script=first_lost())
    world.drain(provider, unknown=policy_word)
    assert world.states() == {"accepted:accepted": 20}
    assert Counter(map(action_of, provider.sent)) == dict.fromkeys(range(1, 21), 2)
    assert Counter(provider.delivered.values()) == dict.fromkeys(range(1, 21), 1), "nobody got it twice"
    assert all(len(keys) == 1 for keys in provider.keys.values())
    assert world.history(1) == [
        "queued",
        "claimed",
        "handed_off",
        "unknown",
        "retrying",
        "claimed",
        "handed_off",
        "accepted",
    ]
    reasons = world.rows("SELECT reason FROM action_event WHERE action_id = 1 AND state = 'retrying'")
    assert reasons == [("repeated_after_unknown",)]
    assert doubts(world) == []


def test_the_key_is_stored_before_the_message_leaves(world: Deliveries) -> None:
    world.users(3)
    world.due_actions(3)
    stored: list[tuple[str, str]] = []

    def script(message: Message) -> Answer:
        [row] = world.rows("SELECT send_key, state FROM action WHERE id = :id", id=action_of(message))
        stored.append(row)
        return Answer(Outcome.ACCEPTED, reference="r") if row[0] == message.send_key else LOST

    world.drain(Keyed(script=script))
    assert world.states() == {"accepted:accepted": 3}
    assert {state for _, state in stored} == {"handed_off"}
    assert world.rows("SELECT DISTINCT adapter, send_key_until FROM action") == [("scripted", NOON + LIFETIME)]


@pytest.mark.parametrize("file_is_left", [True, False], ids=["by the file in flight", "by the lease"])
def test_after_a_crash_the_same_key_is_used(world: Deliveries, file_is_left: bool) -> None:
    world.users(30)
    world.due_actions(30)
    dead = Keyed(hang=lambda _: True)
    world.abandon(dead, in_flight=12)
    after = Keyed(name="scripted", given=1_000, delivered=dict(dead.delivered))
    if not file_is_left:
        world.lose_in_flight()
        world.at(NOON + LEASE)
    world.drain(after, in_flight=12)
    world.at(NOON + LEASE)  # what was only claimed comes back with its lease
    world.drain(after, in_flight=12)
    assert world.states() == {"accepted:accepted": 30}
    assert Counter(after.delivered.values()) == dict.fromkeys(range(1, 31), 1)
    assert {action_of(message) for message in dead.sent} <= {action_of(message) for message in after.sent}
    for action, keys in dead.keys.items():
        assert after.keys[action] == keys
    assert doubts(world) == []


def test_one_whose_key_has_expired_is_unknown_as_ever(world: Deliveries) -> None:
    world.users(5)
    world.due_actions(5)
    world.abandon(Keyed(hang=lambda _: True, concurrency=5), in_flight=5)
    world.at(NOON + LIFETIME)
    after = Keyed()
    world.drain(after)
    assert world.states() == {"unknown:no_answer": 5}
    assert after.sent == []
    assert doubts(world) == []


@pytest.mark.parametrize(("policy_word", "sent"), [("hold", 0), ("resend", 3)])
def test_a_key_that_expires_while_the_second_copy_waits(world: Deliveries, policy_word: str, sent: int) -> None:
    world.users(3)
    world.due_actions(3)
    hanging = Keyed(hang=lambda _: True, concurrency=3)
    world.abandon(hanging, in_flight=3)
    world.drain(Keyed(refuses_keys=NO_KEYS, script=lambda _: Answer(Outcome.ADAPTER_DOWN, "connection_failed")))
    assert doubts(world) == [1, 2, 3]
    assert world.rows("SELECT DISTINCT state FROM action") in (
        [("queued",)],
        [("retrying",)],
        [("queued",), ("retrying",)],
    )
    world.at(NOON + LIFETIME)
    after = Keyed(given=100)
    world.drain(after, unknown=policy_word)
    assert len(after.sent) == sent
    assert world.states() == ({"unknown:no_answer": 3} if policy_word == "hold" else {"accepted:accepted": 3})
    assert doubts(world) == []
    assert {key for keys in after.keys.values() for key in keys}.isdisjoint(hanging.delivered)


@pytest.mark.parametrize("other", [Keyed(name="other"), Provider(name="plain")], ids=["with keys", "without keys"])
def test_another_adapter_does_not_send_what_the_first_may_have_sent(world: Deliveries, other: Provider) -> None:
    world.users(3)
    world.due_actions(3)
    world.abandon(Keyed(hang=lambda message: action_of(message) == 2, concurrency=1), in_flight=3)
    other.sent.clear()
    world.drain(other)
    world.at(NOON + LEASE)
    world.drain(other)
    assert world.states() == {"unknown:no_answer": 1, "accepted:accepted": 2}
    assert sorted(map(action_of, other.sent)) in ([1, 3], [3])
    assert world.rows("SELECT id FROM action WHERE send_key IS NOT NULL AND adapter = 'plain'") == []


def test_an_adapter_without_keys_does_not_inherit_the_one_of_another(world: Deliveries) -> None:
    world.users(1)
    world.due_actions(1)
    world.drain(Keyed(script=lambda _: Answer(Outcome.RETRY, "timeout")))
    assert world.states() == {"retrying:timeout": 1}
    world.at(NOON + HOUR)
    world.abandon(Provider(name="plain", hang=lambda _: True, concurrency=1))
    world.drain(Provider(name="plain"))
    assert world.states() == {"unknown:no_answer": 1}, "plain recognises nothing"


def test_a_message_that_was_surely_not_sent_is_no_doubt(world: Deliveries) -> None:
    world.users(1)
    world.due_actions(1)
    world.drain(Keyed(script=lambda _: Answer(Outcome.RETRY, "timeout")))
    world.at(NOON + LIFETIME)
    other = Provider(name="plain")
    world.drain(other)
    assert world.states() == {"accepted:accepted": 1}
    assert len(other.sent) == 1


def test_repeating_ends_with_the_tries(world: Deliveries) -> None:
    world.users(1)
    world.due_actions(1)
    provider = Keyed(script=lambda _: LOST)
    for hours in range(4):
        world.at(NOON + hours * HOUR)
        world.drain(provider, tries=3, retry_after="1m")
    assert len(provider.sent) == 3
    assert world.states() == {"unknown:disconnected": 1}
    assert doubts(world) == []
    assert len(provider.delivered) == 1


@pytest.mark.parametrize(("later", "copies"), [(HOUR, 1), (LIFETIME, 2)], ids=["still valid", "expired"])
def test_what_a_person_sends_again_has_the_same_key_while_that_is_valid(
    world: Deliveries, later: int, copies: int
) -> None:
    world.users(1)
    world.due_actions(1)
    provider = Keyed(script=first_lost())
    world.drain(provider, tries=1)
    assert world.states() == {"unknown:disconnected": 1}
    world.at(NOON + later)
    carry_out(
        world.database, send_again(world.clock.now(), even_expired=False), Chosen(), Hand("ann"), now=world.clock.now()
    )
    world.drain(provider)
    assert world.states() == {"accepted:accepted": 1}
    assert len(provider.delivered) == copies


def test_a_refusal_for_now_does_not_settle_a_doubt(world: Deliveries) -> None:
    world.users(1)
    world.due_actions(1)
    answers = [LOST, *[Answer(Outcome.RETRY, "timeout")] * 9]
    provider = Keyed(script=lambda _: answers.pop(0))
    for hours in range(4):
        world.at(NOON + hours * HOUR)
        world.drain(provider, tries=3, retry_after="1m")
    assert world.states() == {"unknown:timeout": 1}, "the first copy may have arrived, so it did not fail"


def test_a_refusal_for_good_settles_it_and_gives_up_the_key(world: Deliveries) -> None:
    world.users(1)
    world.due_actions(1)
    answers = [LOST, Answer(Outcome.REJECTED, "request_refused")]
    world.drain(Keyed(script=lambda _: answers.pop(0)))
    assert world.states() == {"failed:request_refused": 1}
    assert world.rows("SELECT send_key, send_key_until, in_doubt_since FROM action") == [(None, None, None)]


def test_what_may_have_been_sent_is_tried_on_no_other_channel(world: Deliveries) -> None:
    world.users(2, phone="+49 30 901820")
    world.due_actions(2, next_channels="sms", message_class="transactional")
    world.abandon(Keyed(hang=lambda message: action_of(message) == 1, concurrency=1), in_flight=1)
    world.execute("UPDATE users SET email = NULL")
    text = Provider("sms", name="texts")
    for at in (NOON, NOON + LEASE):
        world.at(at)
        world.drain(Keyed(), text)
    assert world.rows("SELECT id, state, reason FROM action WHERE attempt = 1 ORDER BY id") == [
        (1, "unknown", "no_answer"),
        (2, "suppressed", "address_missing"),
    ]
    assert world.rows("SELECT enrolment_id FROM action WHERE channel = 'sms'") == [(2,)]
    assert doubts(world) == []


def test_what_may_have_been_sent_and_is_too_long_by_now_is_tried_on_no_other_channel(world: Deliveries) -> None:
    world.users(1, phone="+4930901820")
    world.devices("token")
    world.due_actions(1, channel="sms", next_channels="push")
    world.drain(Keyed("sms", script=lambda _: LOST))
    assert doubts(world) == [1]
    world.write("templates/winback/offer.sms.j2", f"{{% block body %}}{'x' * 2_000}{{% endblock %}}")
    world.at(NOON + HOUR)
    push = Provider("push")
    world.drain(Keyed("sms"), push, library=world.content().library)
    assert push.sent == []
    assert world.rows("SELECT state, reason FROM action") == [("unknown", "no_answer")]
    [(detail,)] = world.rows("SELECT detail FROM action_event WHERE state = 'unknown' ORDER BY id DESC LIMIT 1")
    assert detail == "refused: too_many_segments"


def test_waits_between_copies_grow_and_end_before_the_key_does() -> None:
    settings, key = DeliverySettings(), SendKey("k", NOON + DAY)
    waits = [
        (unknown(1, 1, tries, "no_answer", now=NOON, settings=settings, key=key).due_at or 0) - NOON
        for tries in range(1, 6)
    ]
    assert waits[0] == 0
    assert waits == sorted(waits)
    assert waits[1] > 0
    late = unknown(1, 1, 5, "no_answer", now=NOON + DAY - MINUTE, settings=settings, key=key)
    assert (late.state, late.due_at) == ("unknown", None)


# --- fetching keys -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "reason"),
    [
        (Keyed(refuses_keys=NO_KEYS), "adapter_down"),
        (Keyed(refuses_keys=Answer(Outcome.SENDING_REFUSED, "rate_limited")), "adapter_down"),
        (Keyed(gives=lambda count: ["same"] * (count + 1)), "code_at_fault"),
        (Keyed(gives=lambda _: []), "code_at_fault"),
        (Keyed(gives=lambda count: [str(number / 0) for number in range(count)]), "code_at_fault"),
    ],
    ids=["down", "limited", "the same ones", "too few", "a bug"],
)
def test_without_keys_nothing_is_handed_over_and_nothing_lost(world: Deliveries, provider: Keyed, reason: str) -> None:
    provider = replace(provider, sent=[], delivered={})
    world.users(4)
    world.due_actions(4)
    delivery = world.delivery(provider)
    counts = asyncio.run(delivery.drain())
    assert provider.sent == []
    assert world.states() == {f"queued:{reason}": 4}
    assert world.rows("SELECT DISTINCT tries FROM action") == [(0,)]
    assert [alarm.reason for alarm in counts.alarms] != []
    provider.refuses_keys = provider.gives = None
    world.at(NOON + HOUR)
    asyncio.run(delivery.drain())
    assert world.states() == {"accepted:accepted": 4}
    assert delivery.alarms == ()


def test_keys_that_do_not_come_hold_nothing_up_for_longer_than_a_part_of_the_lease(world: Deliveries) -> None:
    @dataclass
    class Slow(Keyed):
        async def send_keys(self, count: int) -> Sequence[str] | Answer:
            await asyncio.Event().wait()
            raise AssertionError

    world.users(2)
    world.due_actions(2)
    counts = world.drain(Slow(), lease="1s")
    assert world.states() == {"queued:adapter_down": 2}
    assert [alarm.reason for alarm in counts.alarms] == ["no_send_keys"]


def test_adapters_without_keys_are_asked_for_none_and_store_none(world: Deliveries) -> None:
    world.users(10)
    world.due_actions(10)
    provider = Provider()
    world.drain(provider)
    assert {message.send_key for message in provider.sent} == {""}
    assert world.rows("SELECT DISTINCT send_key, send_key_until, in_doubt_since FROM action") == [(None, None, None)]


# --- adapters whose provider recognises our own key --------------------------------------------------------------------


def test_an_adapter_that_is_repeatable_sends_again_with_its_own_key(world: Deliveries) -> None:
    world.users(10)
    world.due_actions(10)
    provider = Provider(script=first_lost())
    asyncio.run(world.delivery(provider, repeatable=["scripted"]).drain())
    assert world.states() == {"accepted:accepted": 10}
    assert Counter(map(action_of, provider.sent)) == dict.fromkeys(range(1, 11), 2)
    assert len({message.key for message in provider.sent}) == 10


def test_a_crash_of_a_repeatable_adapter_leaves_nothing_unknown(world: Deliveries) -> None:
    world.users(10)
    world.due_actions(10)
    dead = Provider(hang=lambda _: True)
    world.abandon(dead, repeatable=["scripted"])
    after = Provider()
    for at in (NOON, NOON + LEASE):
        world.at(at)
        world.drain(after, repeatable=["scripted"])
    assert world.states() == {"accepted:accepted": 10}
    assert {message.key for message in dead.sent} <= {message.key for message in after.sent}
