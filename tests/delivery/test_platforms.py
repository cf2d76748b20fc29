"""Several adapters serve one channel, each the devices of its platforms; one that is down or silent holds up no other."""

import asyncio
import json
from collections import Counter

import pytest

from adapters.base import Answer, Message, Outcome
from engine.breaker import FIRST_PAUSE
from engine.clock import DAY, HOUR
from engine.control.interventions import Hand
from engine.control.pauses import pause, resume
from engine.store.paused import Subject, SubjectScope
from tests.deliveries import NOON, Deliveries
from tests.provider import ACCEPT, Provider

ANN = Hand("ann", "their console is red")
APNS = Subject(SubjectScope.ADAPTER, "apns")
DOWN = Answer(Outcome.ADAPTER_DOWN, "auth_failed", "403")


def fcm(**options: object) -> Provider:
    return Provider("push", "fcm", platforms=frozenset({"android", "web"}), **options)  # type: ignore[arg-type]


def apns(**options: object) -> Provider:
    return Provider("push", "apns", platforms=frozenset({"ios"}), **options)  # type: ignore[arg-type]


def queue(world: Deliveries, number: int, *, ios: int) -> None:
    """Users with one device each, alternately, as long as there are iPhones to give out; a message for each."""
    world.users(number, phone="+4915112345678")
    for user in range(1, number + 1):
        world.devices(f"t{user}", user=user, platform="ios" if user % 2 and user < 2 * ios else "android")
    world.due_actions(number, channel="push", next_channels="sms")


def reasons(world: Deliveries, adapter_of: str = "ios") -> Counter[str]:
    rows = world.rows(
        "SELECT a.state, a.reason FROM action AS a JOIN device AS d ON d.user_id = a.user_id"
        " WHERE a.channel = 'push' AND d.platform = :platform",
        platform=adapter_of,
    )
    return Counter(f"{state}:{reason}" for state, reason in rows)


# --- routes ----------------------------------------------------------------------------------------------------------


def test_each_device_gets_it_by_the_adapter_of_its_platform(world: Deliveries) -> None:
    world.users(1)
    world.devices("tablet", platform="web")
    world.devices("phone", platform="ios")
    world.due_actions(1, channel="push")
    to_google, to_apple = fcm(), apns()
    world.drain(to_apple, to_google)
    assert (to_google.recipients, to_apple.recipients) == (["tablet"], ["phone"])
    adapters = world.rows("SELECT attempt, adapter FROM action ORDER BY attempt")
    assert sorted(name for _, name in adapters) == ["apns", "fcm"]


def test_the_first_that_serves_the_platform_is_used(world: Deliveries) -> None:
    queue(world, 4, ios=0)
    other = Provider("push", "jpush", platforms=frozenset({"android", "ios"}))
    first = fcm()
    world.drain(first, other)
    assert (len(first.sent), len(other.sent)) == (4, 0)


def test_a_device_that_no_adapter_serves_is_none_and_the_reason_says_so(world: Deliveries) -> None:
    world.users(3, phone="+4915112345678")
    world.devices("old phone", platform="unknown")
    world.devices("phone", user=2, platform="ios")
    world.devices("tablet", user=2, platform="android", days_ago=3)
    world.due_actions(3, channel="push", next_channels="sms")
    google, browsers, sms = fcm(), Provider("push", "webpush", platforms=frozenset({"web"})), Provider("sms")
    world.drain(google, browsers, sms)
    assert google.recipients == ["tablet"]
    assert dict(world.rows("SELECT user_id, reason FROM action WHERE channel = 'push'")) == {
        1: "platform_unserved", 2: "accepted", 3: "address_missing",
    }  # fmt: skip
    assert len(sms.sent) == 2


def test_a_bound_device_whose_adapter_is_taken_away_is_refused(world: Deliveries) -> None:
    queue(world, 2, ios=1)
    busy = Answer(Outcome.RETRY, "busy")
    world.drain(fcm(), apns(script=lambda _: busy))
    world.at(NOON + HOUR)
    sms = Provider("sms")
    world.drain(fcm(), sms)
    assert reasons(world) == {"suppressed:platform_unserved": 1}
    assert len(sms.sent) == 1


def test_the_only_adapter_gets_devices_of_which_only_the_token_is_known(world: Deliveries) -> None:
    world.users(1)
    world.devices("old phone", platform="unknown")
    world.devices("tablet", platform="android")
    world.due_actions(1, channel="push")
    apple = apns()
    world.drain(apple)
    assert apple.recipients == ["old phone"]


# --- one is down -----------------------------------------------------------------------------------------------------


def test_one_that_is_down_fails_nothing_and_the_other_goes_on(world: Deliveries) -> None:
    queue(world, 60, ios=30)
    google, apple = fcm(), apns(script=lambda _: DOWN, concurrency=1)
    delivery = world.delivery(google, apple, in_flight=10)
    asyncio.run(delivery.drain())
    assert len(google.sent) == 30
    assert reasons(world) == {"queued:adapter_down": 30}
    [alarm] = delivery.alarms
    assert alarm.subject == "adapter `apns` is down"
    due = {at for (at,) in world.rows("SELECT due_at FROM action WHERE state = 'queued'")}
    assert max(due) <= alarm.until + FIRST_PAUSE
    claims = world.rows("SELECT count(*) FROM action_event WHERE state = 'claimed'")[0][0]
    assert claims <= 60 + 10, "they wait, and are not claimed again and again"
    apple.script = None
    world.at(max(alarm.until, *due))
    asyncio.run(delivery.drain())
    world.at(world.clock.now() + HOUR)
    asyncio.run(delivery.drain())
    assert world.states() == {"accepted:accepted": 60}
    assert delivery.alarms == ()


def test_after_its_pause_one_message_is_tried(world: Deliveries) -> None:
    queue(world, 40, ios=20)
    apple = apns(script=lambda _: DOWN, concurrency=1)
    delivery = world.delivery(fcm(), apple, in_flight=10)
    asyncio.run(delivery.drain())
    for _ in range(3):
        before = len(apple.sent)
        world.at(delivery.alarms[0].until)
        world.execute("UPDATE action SET due_at = :now WHERE state = 'queued'", now=world.clock.now())
        asyncio.run(delivery.drain())
        assert len(apple.sent) == before + 1


def test_when_all_are_down_nothing_is_claimed(world: Deliveries) -> None:
    queue(world, 20, ios=10)
    google, apple = (make(script=lambda _: DOWN, concurrency=1) for make in (fcm, apns))
    delivery = world.delivery(google, apple, in_flight=4)
    asyncio.run(delivery.drain())
    assert {alarm.subject for alarm in delivery.alarms} == {"adapter `apns` is down", "adapter `fcm` is down"}
    assert world.rows("SELECT DISTINCT state, reason FROM action") == [("queued", "adapter_down")]
    assert world.rows("SELECT DISTINCT tries FROM action") == [(0,)]
    world.at(max(alarm.until for alarm in delivery.alarms) + DAY)
    google.script = apple.script = None
    world.execute("UPDATE action SET expires_at = :later", later=NOON + 9 * DAY)
    for _ in range(3):
        asyncio.run(delivery.drain())
        world.at(world.clock.now() + HOUR)
    assert world.states() == {"accepted:accepted": 20}


# --- one is silent ---------------------------------------------------------------------------------------------------


async def _others_first(world: Deliveries, google: Provider, apple: Provider, number: int) -> None:
    """Drain while ``apple`` answers nobody; let it answer once ``google`` has all it should have."""
    assert apple.answers_after is not None
    draining = asyncio.create_task(world.delivery(google, apple, in_flight=10).drain())
    async with asyncio.timeout(60):
        while len(google.sent) < number:
            assert not draining.done(), "it did not wait for what is in flight"
            await asyncio.sleep(0.01)
        apple.answers_after.set()
        await draining


@pytest.mark.parametrize("ios", [100, 40])
def test_one_that_is_silent_does_not_hold_up_the_other(world: Deliveries, ios: int) -> None:
    """It has as many as it may, and the others behind them in the queue go to the other adapter."""
    queue(world, 200, ios=ios)
    google, apple = fcm(), apns(answers_after=asyncio.Event())
    asyncio.run(_others_first(world, google, apple, 200 - ios))
    assert len(google.sent) == 200 - ios
    world.at(NOON + HOUR)
    world.drain(fcm(), apple, in_flight=10)
    assert world.states() == {"accepted:accepted": 200}
    assert Counter(apple.recipients).most_common(1)[0][1] == 1


def test_a_silent_one_first_in_the_queue_lets_those_behind_it_through(world: Deliveries) -> None:
    world.users(120)
    for user in range(1, 121):
        world.devices(f"t{user}", user=user, platform="ios" if user <= 100 else "android")
    world.due_actions(120, channel="push")
    google, apple = fcm(), apns(answers_after=asyncio.Event())

    async def drain() -> None:
        draining = asyncio.create_task(world.delivery(google, apple, in_flight=10, batch=20).drain())
        async with asyncio.timeout(60):
            while len(google.sent) < 20:
                await asyncio.sleep(0.01)
            assert apple.answers_after is not None
            apple.answers_after.set()
            await draining

    asyncio.run(drain())
    assert "adapter_busy" in {one.reason for one in world.changes()}
    for _ in range(3):
        world.at(world.clock.now() + HOUR)
        world.drain(fcm(), apple, in_flight=10)
    assert world.states() == {"accepted:accepted": 120}


def test_messages_that_become_due_while_one_is_silent_are_sent_by_the_other(world: Deliveries) -> None:
    queue(world, 20, ios=10)
    google, apple = fcm(), apns(answers_after=asyncio.Event())

    async def live() -> None:
        delivery = world.delivery(google, apple, in_flight=4)
        draining = asyncio.create_task(delivery.drain())
        async with asyncio.timeout(60):
            while len(google.sent) < 10:
                await asyncio.sleep(0.01)
            await asyncio.to_thread(world.due_actions, 20, channel="push", step_id="later")
            while len(google.sent) < 20:
                await asyncio.sleep(0.01)
            assert apple.answers_after is not None
            apple.answers_after.set()
            await draining

    asyncio.run(live())
    for _ in range(2):
        world.at(world.clock.now() + HOUR)
        world.drain(fcm(), apple, in_flight=4)
    assert world.states() == {"accepted:accepted": 40}


def test_a_slow_one_is_not_given_up_and_all_is_sent_in_one_drain(world: Deliveries) -> None:
    queue(world, 120, ios=60)

    class Slow(Provider):
        async def send(self, message: Message) -> Answer:
            await asyncio.sleep(0.005)
            return await super().send(message)

    apple = Slow("push", "apns", platforms=frozenset({"ios"}), concurrency=2)
    google = fcm()
    world.drain(google, apple, in_flight=10)
    assert world.states() == {"accepted:accepted": 120}
    assert (len(google.sent), len(apple.sent)) == (60, 60)


# --- one is paused by a person ---------------------------------------------------------------------------------------


def test_one_that_a_person_pauses_waits_and_goes_on_at_once(world: Deliveries) -> None:
    queue(world, 40, ios=20)
    with world.database.write() as connection:
        pause(connection, APNS, ANN, NOON)
    google, apple = fcm(), apns()
    world.drain(google, apple, in_flight=10)
    assert (len(google.sent), apple.sent) == (20, [])
    assert reasons(world) == {"queued:paused": 20}
    claims = world.rows("SELECT count(*) FROM action_event WHERE state = 'claimed'")[0][0]
    assert claims == 40, "what is paused is claimed once"
    world.drain(google, apple, in_flight=10)
    assert apple.sent == []
    with world.database.write() as connection:
        resume(connection, APNS, ANN, NOON)
    world.drain(google, apple, in_flight=10)
    assert world.states() == {"accepted:accepted": 40}
    assert world.history(1) == ["queued", "claimed", "queued", "claimed", "handed_off", "accepted"]


def test_a_pause_of_all_adapters_stops_the_channel(world: Deliveries) -> None:
    queue(world, 4, ios=2)
    with world.database.write() as connection:
        for name in ("fcm", "apns"):
            pause(connection, Subject(SubjectScope.ADAPTER, name), ANN, NOON)
    google, apple = fcm(), apns()
    world.drain(google, apple)
    assert (google.sent, apple.sent) == ([], [])
    assert world.states() == {"queued:due": 4}


def test_a_pause_while_messages_wait_for_a_slow_provider_counts(world: Deliveries) -> None:
    queue(world, 40, ios=20)

    def script(message: Message) -> Answer:
        if len(apple.sent) == 1:
            with world.database.write() as connection:
                pause(connection, APNS, ANN, NOON)
        return ACCEPT

    google, apple = fcm(), apns(script=script, concurrency=1)
    world.drain(google, apple, in_flight=4)
    assert len(google.sent) == 20
    assert len(apple.sent) < 20
    assert reasons(world).keys() == {"accepted:accepted", "queued:paused"}


def test_the_send_test_command_needs_to_know_which(world: Deliveries) -> None:
    world.configure(channels={"push": {"adapters": ["capture"]}})
    done = world.command(
        "send-test", "winback/offer", "--channel", "push", "--to", "tok", "--platform", "ios", "--json"
    )
    assert json.loads(done.output)["adapter"] == "capture"
