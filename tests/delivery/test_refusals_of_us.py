"""Who a refusal is about: one message's pauses nothing; one of us keeps the mail, pauses the adapter, and is an alarm."""

import asyncio
from collections.abc import Callable, Iterable

import pytest

from adapters.base import Answer, Message, Outcome
from adapters.smtp.adapter import SmtpAdapter, SmtpOptions
from engine.breaker import LONGEST_PAUSE
from engine.clock import DAY, HOUR, MINUTE
from engine.delivery.dispatch import Delivery
from tests.adapters.scripted_smtp import ScriptedSmtp
from tests.deliveries import NOON, Deliveries
from tests.provider import ACCEPT, Provider

QUOTA = Answer(Outcome.SENDING_REFUSED, "quota_exceeded", "550 5.4.5 Daily user sending limit exceeded")


def addressed(world: Deliveries, *addresses: str) -> None:
    """Create one user and one due action for each address."""
    world.users(len(addresses))
    for number, address in enumerate(addresses, start=1):
        world.execute("UPDATE users SET email = :email WHERE id = :id", email=address, id=number)
    world.due_actions(len(addresses), expires_at=NOON + 30 * DAY)


def refusing(*addresses: str) -> Callable[[Message], Answer]:
    return lambda message: QUOTA if message.recipient in addresses else ACCEPT


def through(world: Deliveries, server: ScriptedSmtp, drains: int = 1) -> Delivery:
    """Deliver over one real connection, as often as asked; return the delivery for its alarms."""

    async def run() -> Delivery:
        async with server:
            options = SmtpOptions(host="127.0.0.1", port=server.port, security="none", connections=1, timeout=5)
            delivery = world.delivery(SmtpAdapter(options))
            for _ in range(drains):
                await delivery.drain()
        return delivery

    return asyncio.run(run())


def test_one_odd_recipient_fails_alone(world: Deliveries) -> None:
    """Case 1: the echoed address contains the word that asks for a login."""
    addressed(world, "ivan.loginov@example.com", "bob@example.com", "cy@example.com")
    server = ScriptedSmtp({"RCPT": ["550 <ivan.loginov@example.com>: no such user"]})
    delivery = through(world, server)
    assert world.states() == {"failed:mailbox_unavailable": 1, "accepted:accepted": 2}
    assert (len(server.messages), delivery.alarms) == (2, ())


@pytest.mark.parametrize(
    ("reply", "states"),
    [
        ("550 5.7.133 sender not authenticated for group; authentication required", {"failed:policy_refused": 1}),
        ("550 authentication required", {"queued:adapter_down": 1}),
        ("554 5.7.1 <u1@example.com>: Relay access denied", {"queued:adapter_down": 1}),
    ],
)
def test_one_recipient_holds_up_nothing(world: Deliveries, reply: str, states: dict[str, int]) -> None:
    world.users(101)
    world.due_actions(101)
    server = ScriptedSmtp({"RCPT": [reply]})
    delivery = through(world, server)
    assert world.states() == {**states, "accepted:accepted": 100}
    assert delivery.alarms == ()


@pytest.mark.parametrize(("refused", "paused"), [(2, False), (3, True)])
def test_numbers_and_tokens_have_no_domain(world: Deliveries, refused: int, paused: bool) -> None:
    world.users(refused)
    for number in range(1, refused + 1):
        world.devices(f"token-{number}", user=number)
    world.due_actions(refused, channel="push")
    delivery = world.delivery(Provider("push", script=lambda _: QUOTA))
    asyncio.run(delivery.drain())
    assert bool(delivery.alarms) is paused


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DOT"])
@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("550 5.4.5 Daily user sending limit exceeded", "quota_exceeded"),
        ("550 5.7.1 Service unavailable, Client host [192.0.2.1] blocked using bl.example.net", "ip_blocked"),
    ],
)
def test_what_refuses_us_fails_nobody(world: Deliveries, verb: str, reply: str, reason: str) -> None:
    """Case 2: the same reply to all of sixty; once it stops, all are sent."""
    world.users(60)
    world.due_actions(60)
    server = ScriptedSmtp({verb: [reply] * 60})
    delivery = through(world, server)
    assert sum(world.states().values()) == 60
    assert set(world.states()) <= {"queued:adapter_down", "queued:due"}
    assert world.rows("SELECT count(*) FROM action WHERE tries <> 0 OR lease_until IS NOT NULL") == [(0,)]
    [alarm] = delivery.alarms
    assert (alarm.subject, alarm.reason) == ("adapter `smtp` is down", reason)
    assert "@" not in str(alarm)
    assert server.verbs().count("MAIL") == 3, "three are enough, at one domain"
    status = world.command("status")
    assert (
        status.exit_code,
        "went back to the queue because the adapter was down" in " ".join(status.output.split()),
    ) == (1, True)
    world.at(NOON + HOUR)
    through(world, ScriptedSmtp())
    assert world.states() == {"accepted:accepted": 60}


def test_two_messages_to_different_domains_decide(world: Deliveries) -> None:
    addressed(world, *(f"ann@shop{number}.example.com" for number in range(1, 30)))
    provider = Provider(script=lambda _: QUOTA, concurrency=1)
    delivery = world.delivery(provider)
    asyncio.run(delivery.drain())
    assert len(provider.sent) == 2
    [alarm] = delivery.alarms
    assert alarm.reason == "quota_exceeded"


def test_the_same_message_again_and_again_decides_nothing(world: Deliveries) -> None:
    addressed(world, "ann@example.com")
    provider = Provider(script=lambda _: QUOTA)
    delivery = world.delivery(provider)
    for _ in range(30):
        asyncio.run(delivery.drain())
        world.at(world.clock.now() + 20 * MINUTE)
    assert delivery.alarms == ()
    assert world.states() == {"queued:adapter_down": 1}, "alone, it waits unharmed"
    assert world.rows("SELECT tries FROM action") == [(0,)]


def test_the_trial_is_another_message(world: Deliveries) -> None:
    addressed(world, *(f"ann@shop{number}.example.com" for number in range(1, 30)))
    provider = Provider(script=lambda _: QUOTA, concurrency=1)
    delivery = world.delivery(provider)
    asyncio.run(delivery.drain())
    for _ in range(4):
        tripped = set(provider.recipients)
        world.at(delivery.alarms[0].until)
        asyncio.run(delivery.drain())
        [trial] = set(provider.recipients) - tripped
        assert provider.recipients[-1] == trial
    assert len(provider.sent) == len(set(provider.recipients)) == 6


def test_two_odd_recipients_pause_it_once_and_the_others_go(world: Deliveries) -> None:
    odd = ("ann@odd.example.com", "bob@strange.example.com")
    addressed(world, *odd, *(f"u{number}@example.com" for number in range(20)))
    provider = Provider(script=refusing(*odd), concurrency=1)
    delivery = world.delivery(provider)
    asyncio.run(delivery.drain())
    assert len(provider.sent) == 2
    world.at(delivery.alarms[0].until)
    asyncio.run(delivery.drain())
    assert world.states() == {"accepted:accepted": 20, "queued:adapter_down": 2}
    assert delivery.alarms == ()


def drained_for(world: Deliveries, delivery: Delivery, instants: Iterable[int]) -> None:
    for instant in instants:
        world.at(instant)
        asyncio.run(delivery.drain())


def test_a_message_that_alone_is_refused_while_others_are_accepted_is_tried_as_often_as_any(world: Deliveries) -> None:
    addressed(world, "ann@odd.example.com", *(f"u{number}@example.com" for number in range(9)))
    world.execute("UPDATE action SET due_at = due_at + (id - 1) * 3600000 WHERE id > 1")
    provider = Provider(script=refusing("ann@odd.example.com"), concurrency=1)
    delivery = world.delivery(provider, tries=3)
    drained_for(world, delivery, (NOON + hours * HOUR for hours in range(10)))
    assert world.rows("SELECT state, reason, tries FROM action WHERE id = 1") == [("failed", "tries_exhausted", 3)]
    assert provider.recipients.count("ann@odd.example.com") == 5, "until another is accepted, it may be our fault"
    assert world.states() == {"accepted:accepted": 9, "failed:tries_exhausted": 1}
    assert delivery.alarms == ()


def test_under_a_limit_that_lets_few_through_nothing_is_counted(world: Deliveries) -> None:
    """An hourly limit: the provider accepts five, refuses the rest, and accepts five more an hour later."""
    addressed(world, *(f"ann@shop{number}.example.com" for number in range(1, 41)))
    left = [0]

    def script(_: Message) -> Answer:
        left[0] -= 1
        return ACCEPT if left[0] >= 0 else QUOTA

    delivery = world.delivery(Provider(script=script), tries=2)
    for hour in range(8):
        left[0] = 5
        for minutes in range(0, 60, 12):
            world.at(NOON + hour * HOUR + minutes * MINUTE)
            asyncio.run(delivery.drain())
    assert world.states() == {"accepted:accepted": 40}
    assert world.rows("SELECT DISTINCT tries FROM action") == [(1,)]


def test_a_recipient_who_is_not_known_does_not_end_a_pause_for_our_quota(world: Deliveries) -> None:
    addressed(world, *(f"ann@shop{number}.example.com" for number in range(1, 10)))
    provider = Provider(script=lambda _: QUOTA, concurrency=1)
    delivery = world.delivery(provider)
    asyncio.run(delivery.drain())
    sent = len(provider.sent)
    provider.script = lambda _: (
        Answer(Outcome.REJECTED, "mailbox_unavailable") if len(provider.sent) == sent + 1 else QUOTA
    )
    world.at(delivery.alarms[0].until)
    asyncio.run(delivery.drain())
    assert len(provider.sent) == sent + 2, "one at a time until one is accepted"
    assert delivery.alarms[0].until - world.clock.now() <= LONGEST_PAUSE
