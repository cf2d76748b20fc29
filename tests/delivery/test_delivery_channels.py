"""Channels share nothing: each has as many hand-offs in flight as its own settings say."""

from collections import Counter

from adapters.base import Answer, Message, Outcome
from tests.delivery.world import Provider, World


def test_one_channel_takes_nothing_of_what_another_may_have_in_flight(world: World) -> None:
    world.users(60, phone="+4915112345678")
    world.actions(60)
    world.execute("UPDATE action SET channel = 'sms' WHERE id > 30")
    most: Counter[str] = Counter()

    def script(_: Message) -> Answer:
        handed = world.rows("SELECT channel, count(*) FROM action WHERE state = 'handed_off' GROUP BY channel")
        most.update({channel: max(0, number - most[channel]) for channel, number in handed})
        return Answer(Outcome.ACCEPTED)

    providers = [Provider(channel, script=script, concurrency=20) for channel in ("email", "sms")]
    world.drain(*providers, in_flight={"email": 12, "sms": 4})
    assert [len(provider.sent) for provider in providers] == [30, 30]
    assert 6 < most["email"] <= 12  # half of it would be its share of one budget
    assert 1 <= most["sms"] <= 4


def test_a_channel_that_nothing_serves_is_refused_and_so_is_one_that_nobody_knows(world: World) -> None:
    world.users(2)
    world.actions(2, channel="pigeon", next_channels="email", template="winback/offer")
    email = Provider()
    world.drain(email)
    assert world.states() == {"suppressed:no_adapter": 2, "accepted:accepted": 2}
    assert sorted(email.recipients) == ["u1@example.com", "u2@example.com"]
