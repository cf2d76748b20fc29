"""A brand whose worker is killed at random points while it sends, and comes to the end in peace at last."""

import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.clock import WallClock
from tests.faults.ledger import Ledger
from tests.faults.processes import SinkProcess, WorkerPool, alive, worker_pool
from tests.faults.providers import CONNECTIONS
from tests.processes import just_now, migrate, people, quick, wait_until
from tests.world import World

USERS_PER_KILL = 40
"""A fourth of them, a whole number, is of high value."""
IN_FLIGHT = 20
SEED = 20_261_121
PARTS = ((), (), (), ("--only", "delivery"), ("--only", "ticks"))


@contextmanager
def sending(folder: Path, url: str, wire: SinkProcess, policy: str) -> Iterator[World]:
    """A brand that sends to ``wire``; ``policy`` is ``delivery.unknown``."""
    provider = wire.provider
    world = quick(folder / "maison", url, provider.files)
    options = {**provider.options(world.folder, wire.port), "connections": CONNECTIONS}
    world.configure(
        channels={provider.channel: {"adapters": [provider.adapter], "in_flight": IN_FLIGHT}},
        adapters={provider.adapter: options},
        delivery={"unknown": policy, "lease": "2s", "retry_after": "1s", "batch": 40},
    )
    migrate(world)
    try:
        yield world
    finally:
        world.close()


def live_through(world: World, wire: SinkProcess, policy: str, kills: int) -> Ledger:
    chance = random.Random(SEED)
    with worker_pool(world) as workers:
        for number in range(kills):
            first = 1 + number * USERS_PER_KILL
            people(world, USERS_PER_KILL, just_now(), first=first, devices=wire.provider.devices)
            kill_somewhere(workers, wire, chance)
        drain(world, workers)
    ledger = Ledger(world, wire, kills * USERS_PER_KILL)
    ledger.check(policy, kills)
    return ledger


def kill_somewhere(workers: WorkerPool, wire: SinkProcess, chance: random.Random) -> None:
    """Start a worker; kill it after a while, or after some messages: most of its time it would otherwise start."""
    parts, before = chance.choice(PARTS), wire.size
    messages = chance.randint(1, 150 * (wire.provider.devices or 1)) if parts != ("--only", "ticks") else 10**9
    after_a_while = chance.random() < 0.4
    end = Clockwork(chance.uniform(0.05, 1.2) if after_a_while else 2.5)
    longest = end if after_a_while else Clockwork(6.0)  # on a busy machine it takes long to send the first
    pid = workers.start(*parts)
    wait_until(
        lambda: (
            wire.size - before >= messages or (end.over() and wire.size > before) or longest.over() or not alive(pid)
        ),
        lambda: "a kill",
    )
    assert alive(pid), f"a worker ended by itself: {workers.said()[-3000:]}"
    workers.kill(pid)


class Clockwork:
    """Tells when some seconds are over."""

    def __init__(self, seconds: float) -> None:
        self._end = WallClock().now() + seconds * 1_000

    def over(self) -> bool:
        return WallClock().now() >= self._end


def drain(world: World, workers: WorkerPool) -> None:
    """Let one worker come to the end in peace; it then stops in an orderly way."""
    pid = workers.start()
    open_ones = (
        "SELECT (SELECT count(*) FROM enrolment WHERE state = 'active') + (SELECT count(*) FROM user_due"
        " WHERE due_at <= :now) + (SELECT count(*) FROM user_news) + (SELECT count(*) FROM action WHERE state IN"
        " ('queued', 'deferred', 'retrying', 'claimed', 'handed_off'))"
    )
    wait_until(
        lambda: world.rows(open_ones, now=WallClock().now()) == [(0,)],
        lambda: f"drained: {world.rows('SELECT state, count(*) FROM action GROUP BY state')} {workers.said()[-3000:]}",
        alive=lambda: alive(pid),
    )
    workers.kill(pid, signal.SIGTERM)
    assert '"event": "stopped"' in workers.said().splitlines()[-1]
