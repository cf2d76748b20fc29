"""Channels share nothing: each has as many hand-offs in flight as its own settings say."""

import asyncio
from dataclasses import dataclass, field

from adapters.base import Answer, Message
from tests.deliveries import Deliveries
from tests.provider import Provider


@dataclass
class Slow(Provider):
    """Answers nobody until ``together`` messages are with it at once, and counts how many ever were."""

    concurrency: int = 20
    together: int = 1
    present: int = 0
    most: int = 0
    full: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, message: Message) -> Answer:
        self.present += 1
        self.most = max(self.most, self.present)
        if self.present == self.together:
            self.full.set()
        async with asyncio.timeout(30):
            await self.full.wait()
        self.present -= 1
        return await super().send(message)


def test_one_channel_takes_nothing_of_what_another_may_have_in_flight(world: Deliveries) -> None:
    world.users(60, phone="+4915112345678")
    world.due_actions(60)
    world.execute("UPDATE action SET channel = 'sms' WHERE id > 30")
    email, sms = Slow("email", together=12), Slow("sms", together=4)
    world.drain(email, sms, in_flight={"email": 12, "sms": 4})
    assert world.states() == {"accepted:accepted": 60}
    assert (email.most, sms.most) == (12, 4)


def test_a_channel_that_nothing_serves_is_refused_and_so_is_one_that_nobody_knows(world: Deliveries) -> None:
    world.users(2)
    world.due_actions(2, channel="pigeon", next_channels="email", template="winback/offer")
    email = Provider()
    world.drain(email)
    assert world.states() == {"suppressed:no_adapter": 2, "accepted:accepted": 2}
    assert sorted(email.recipients) == ["u1@example.com", "u2@example.com"]
