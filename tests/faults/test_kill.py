"""``kill -9`` at random points: nothing lost, nothing twice in the ledger, every unknown visible.

The oracle is the log of a sink in a process of its own, joined to the action log by Message-ID.
"""

import random
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.clock import WallClock
from engine.delivery.identity import message_key
from engine.messages.email.mime import message_id
from tests.faults.processes import SinkProcess, WorkerPool, alive, sink, worker_pool
from tests.processes import just_now, migrate, people, quick, wait_until
from tests.world import World

FEW, MANY, MOST = 5, 50, 200
"""Kills on each database: in every run, in CI, and in a soak."""
USERS_PER_KILL = 40
"""A fourth of them, a whole number, is of high value."""
IN_FLIGHT, CONNECTIONS = 20, 5
SEED = 20_261_121
PARTS = ((), (), (), ("--only", "delivery"), ("--only", "ticks"))


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[SinkProcess]:
    with sink(tmp_path) as process:
        yield process


@contextmanager
def mailing(tmp_path: Path, url: str, port: int, policy: str) -> Iterator[World]:
    world = quick(tmp_path / "maison", url)
    world.configure(
        email={"adapter": "smtp"},
        adapters={"smtp": {"host": "127.0.0.1", "port": port, "security": "none", "connections": CONNECTIONS}},
        delivery={"unknown": policy, "lease": "2s", "retry_after": "1s", "in_flight": IN_FLIGHT, "batch": 40},
    )
    migrate(world)
    try:
        yield world
    finally:
        world.close()


def identifier(installation: str, step: str, user: str) -> str:
    """Return the Message-ID of a message, from nothing that the database has made up for it."""
    occasion = "transition:1" if step == "thanks" else f"event:s{user.removeprefix('u')}"
    playbook = "vip" if step == "thanks" else "welcome"
    return message_id(message_key(installation, playbook, user, occasion, step, "1"), "example.com")


def policy_for(url: str) -> str:
    """Each policy on one of the databases; all four under ``make soak``."""
    return "hold" if url.startswith("postgresql") else "resend"


def test_killed_at_a_few_random_points(database_url: str, tmp_path: Path, wire: SinkProcess) -> None:
    policy = policy_for(database_url)
    with mailing(tmp_path, database_url, wire.port, policy) as world:
        live_through(world, wire, policy, FEW)


@pytest.mark.bulk
def test_killed_at_random_points(database_url: str, tmp_path: Path, wire: SinkProcess) -> None:
    policy = policy_for(database_url)
    with mailing(tmp_path, database_url, wire.port, policy) as world:
        ledger = live_through(world, wire, policy, MANY)
    assert ledger.not_begun > ledger.unknowns.total(), "most of what was handed off had not begun"


@pytest.mark.soak
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("policy", ["hold", "resend"])
def test_killed_at_many_random_points(database_url: str, tmp_path: Path, wire: SinkProcess, policy: str) -> None:
    with mailing(tmp_path, database_url, wire.port, policy) as world:
        ledger = live_through(world, wire, policy, MOST)
    assert ledger.not_begun > ledger.unknowns.total(), "most of what was handed off had not begun"


def live_through(world: World, wire: SinkProcess, policy: str, kills: int) -> "Ledger":
    chance = random.Random(SEED)
    with worker_pool(world) as workers:
        for number in range(kills):
            people(world, USERS_PER_KILL, just_now(), first=1 + number * USERS_PER_KILL)
            kill_somewhere(workers, wire, chance)
        drain(world, workers)
    ledger = Ledger(world, wire, kills * USERS_PER_KILL)
    ledger.check(policy, kills)
    return ledger


def kill_somewhere(workers: WorkerPool, wire: SinkProcess, chance: random.Random) -> None:
    """Start a worker; kill it after a while, or after some messages: most of its time it would otherwise start."""
    parts, before = chance.choice(PARTS), wire.size
    messages = chance.randint(1, 150) if parts != ("--only", "ticks") else 10**9
    end = Clockwork(chance.uniform(0.05, 1.2) if chance.random() < 0.4 else 2.5)
    pid = workers.start(*parts)
    wait_until(lambda: wire.size - before >= messages or end.over() or not alive(pid), lambda: "a kill")
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


class Ledger:
    """The action log and its surroundings against what arrived."""

    def __init__(self, world: World, wire: SinkProcess, users: int) -> None:
        self.world = world
        self.users, self.vips = users, users // 4
        self.arrived = wire.arrived()
        rows = world.rows("SELECT a.id, a.state, a.step, u.key, u.email FROM action a JOIN users u ON u.id = a.user_id")
        self.state = {action: state for action, state, *_ in rows}
        [(installation,)] = world.rows("SELECT value FROM secret WHERE name = 'store'")
        self.message = {action: (identifier(installation, step, key), email) for action, _, step, key, email in rows}
        self.unknowns = Counter(
            action for (action,) in world.rows("SELECT action_id FROM action_event WHERE state = 'unknown'")
        )

        [(self.not_begun,)] = world.rows("SELECT count(*) FROM action_event WHERE reason = 'not_begun'")

    def check(self, policy: str, kills: int) -> None:
        self.nothing_lost()
        self.nothing_twice()
        self.wire(policy, kills)
        self.history()

    def nothing_lost(self) -> None:
        steps = self.world.rows("SELECT step, count(*) FROM action GROUP BY step ORDER BY step")
        assert steps == [("gift", self.users), ("hello", self.users), ("thanks", self.vips)]
        assert set(self.state.values()) <= {"accepted", "unknown"}
        accepted = {self.message[action] for action, state in self.state.items() if state == "accepted"}
        assert accepted <= self.arrived.keys(), "accepted, but it never arrived"

    def nothing_twice(self) -> None:
        assert self.world.rows("SELECT playbook, count(*), count(DISTINCT user_id) FROM enrolment GROUP BY playbook"
                               " ORDER BY playbook") == [("vip", self.vips, self.vips), ("welcome", self.users, self.users)]  # fmt: skip
        assert self.world.rows("SELECT state, count(*) FROM enrolment GROUP BY state") == [
            ("finished", self.users + self.vips)
        ]
        assert self.world.rows("SELECT count(*), count(DISTINCT enrolment_id), count(DISTINCT code) FROM coupon_code"
                               " WHERE enrolment_id IS NOT NULL") == [(self.users + self.vips,) * 3]  # fmt: skip
        chains = self.world.rows("SELECT user_id, from_place, to_place FROM transition ORDER BY id")
        assert len(chains) == len({user for user, _, _ in chains}) == self.users
        assert {start for _, start, _ in chains} == {None}
        assert Counter(end for _, _, end in chains) == {"high": self.vips, "low": self.users - self.vips}

    def wire(self, policy: str, kills: int) -> None:
        known = {message: action for action, message in self.message.items()}
        assert self.arrived.keys() <= known.keys(), "arrived, but nobody planned it"
        for message, times in self.arrived.items():
            action = known[message]
            assert times <= 1 + (self.unknowns[action] if policy == "resend" else 0), (message, times)
        assert self.unknowns.total() <= kills * CONNECTIONS, "unknown are only calls that had begun and had no answer"
        if policy == "hold":
            assert set(self.unknowns) == {action for action, state in self.state.items() if state == "unknown"}
        else:
            assert set(self.state.values()) == {"accepted"}

    def history(self) -> None:
        newest = dict(self.world.rows("SELECT action_id, state FROM action_event ORDER BY id"))
        assert newest == self.state
        assert not self.world.rows("SELECT action_id FROM action_event WHERE state = 'accepted' GROUP BY action_id"
                                   " HAVING count(*) > 1")  # fmt: skip
        assert not self.world.rows("SELECT id FROM action WHERE lease_until IS NOT NULL")
