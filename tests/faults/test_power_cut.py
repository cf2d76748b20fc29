"""The power goes while mail leaves: what had left is known, or unknown, but never sent again as if it had not.

The oracles are the log of a sink, and copies of what the worker's machine had synced, made below SQLite.
"""

import random
import signal
from pathlib import Path

import pytest

from tests.faults.killing import Clockwork, drain, sending
from tests.faults.ledger import Ledger
from tests.faults.power import WAYS, Disk
from tests.faults.processes import SinkProcess, alive, sink, worker_pool
from tests.processes import just_now, people, wait_until

FEW, MANY = 3, 20
"""Power cuts: in every run, and in CI."""
USERS = 24
"""New users before each cut; a fourth of them, a whole number, is of high value."""
SEED = 20_261_128


def test_a_few_power_cuts(migrated_sqlite_url: str, tmp_path: Path) -> None:
    live_through_cuts(migrated_sqlite_url, tmp_path, "hold", FEW)


@pytest.mark.bulk
@pytest.mark.parametrize("policy", ["hold", "resend"])
def test_many_power_cuts(migrated_sqlite_url: str, tmp_path: Path, policy: str) -> None:
    ledger = live_through_cuts(migrated_sqlite_url, tmp_path, policy, MANY)
    assert ledger.unknowns, "some came between hand-off and answer"


def live_through_cuts(url: str, folder: Path, policy: str, cuts: int) -> Ledger:
    chance = random.Random(SEED)
    with sink(folder) as wire, sending(folder, url, wire, policy) as world:
        disk = Disk.of(world, folder)
        with worker_pool(world, disk.environment) as workers:
            for number in range(cuts):
                people(world, USERS, just_now(), first=1 + number * USERS)
                disk.sync()
                pid = workers.start()
                some_mail(wire, chance, pid)
                workers.kill(pid, signal.SIGKILL)
                assert (disk.synced / disk.log.name).exists(), "it has synced what it sent"
                disk.cut_power(WAYS[number % 2])
            drain(world, workers)
        ledger = Ledger(world, wire, cuts * USERS)
        ledger.nothing_lost()
        ledger.nothing_twice()
        ledger.history()
        at_most_once_but_for_unknowns(ledger, policy)
        return ledger


def some_mail(wire: SinkProcess, chance: random.Random, pid: int) -> None:
    """Wait until some mail has arrived, or all of it and whatever follows."""
    before, wanted, end = wire.size, chance.randint(1, 2 * USERS), Clockwork(3.0)
    wait_until(lambda: wire.size - before >= wanted or (end.over() and wire.size > before), lambda: "mail")
    assert alive(pid)


def at_most_once_but_for_unknowns(ledger: Ledger, policy: str) -> None:
    known = {message: action for action, message in ledger.message.items()}
    assert ledger.arrived.keys() <= known.keys(), "under another Message-ID than before"
    for message, times in ledger.arrived.items():
        assert times <= 1 + (ledger.unknowns[known[message]] if policy == "resend" else 0), (message, times)
