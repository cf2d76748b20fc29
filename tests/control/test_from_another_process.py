"""A running campaign, and somebody who pauses or cancels it from another process. ``bench.pause`` does it at full size."""

import asyncio

import pytest

from adapters.base import Answer, Message
from tests.control.hands import paused
from tests.deliveries import NOON, Deliveries
from tests.processes import habitue
from tests.provider import ACCEPT, Provider

CAMPAIGN = 500
CONNECTIONS = 4


def intervene(world: Deliveries, *words: str) -> Provider:
    """Deliver the campaign; while the first message is being sent, another process runs a command to its end."""

    def first(_: Message) -> Answer:
        if len(provider.sent) == 1:
            done = habitue(world, *words)
            assert done.returncode in {0, 1}, done.stderr
        return ACCEPT

    world.users(CAMPAIGN)
    world.due_actions(CAMPAIGN, expires_at=NOON * 10)
    provider = Provider(script=first, concurrency=CONNECTIONS)
    asyncio.run(world.delivery(provider, in_flight=100).drain())
    return provider


@pytest.mark.bulk
@pytest.mark.parametrize("what", [("channel", "email"), ("class", "marketing"), ("everything",)], ids=" ".join)
def test_nothing_leaves_after_the_command_has_returned(world: Deliveries, what: tuple[str, ...]) -> None:
    provider = intervene(world, "pause", *what, "--reason", "wrong coupon")
    assert len(provider.sent) <= CONNECTIONS, "only what was being sent"
    [(waiting,)] = world.rows("SELECT count(*) FROM action WHERE state = 'queued' AND tries = 0")
    assert waiting == CAMPAIGN - len(provider.sent)
    assert habitue(world, "resume", *what).returncode == 0
    provider.script = None
    asyncio.run(world.delivery(provider).drain())
    assert len(provider.recipients) == len(set(provider.recipients)) == CAMPAIGN


@pytest.mark.bulk
def test_a_campaign_is_called_off_from_another_process(world: Deliveries) -> None:
    """The worker stands still while the command runs, so what it has handed off cannot come back before its end."""
    provider = intervene(world, "cancel", "channel", "email")
    assert len(provider.sent) <= 100, "at most what had been handed off"
    states = world.states()
    assert states["accepted:accepted"] == len(provider.sent)
    assert states["cancelled:cancelled_by_hand"] == CAMPAIGN - len(provider.sent)
    assert paused(world) == []
