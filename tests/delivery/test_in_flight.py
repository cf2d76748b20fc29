"""What a worker notes about its messages in flight, who believes it, and what follows from it after a crash."""

import asyncio
import stat
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from email import message_from_bytes, policy
from pathlib import Path

import pytest
import structlog
from sqlalchemy import Connection

from adapters.base import Answer, Message, Outcome
from engine.actions.claims import Claim
from engine.clock import DAY, HOUR, MINUTE
from engine.delivery.in_flight.form import SLOT_SIZE, SLOTS_AT, Entry, Origin, Stage, blank, entries_of, origin_of
from engine.delivery.in_flight.table import InFlight
from tests.deliveries import NOON, Deliveries, action_of
from tests.provider import Provider

LEASE = 5 * MINUTE
IN_FLIGHT = 12


def crashed(world: Deliveries, **settings: str) -> Provider:
    """Let a worker die with four calls begun and some more hand-offs committed; return its provider."""
    world.users(60)
    world.due_actions(60)
    provider = Provider(hang=lambda _: True)
    world.abandon(provider, in_flight=IN_FLIGHT, **settings)
    assert world.rows("SELECT count(*) FROM action WHERE state = 'handed_off'")[0][0] > provider.concurrency
    return provider


def file_of(world: Deliveries) -> Path:
    [file] = world.in_flight_folder.iterdir()
    return file


def actions_in(world: Deliveries, state: str) -> set[int]:
    return {action for (action,) in world.rows("SELECT id FROM action WHERE state = :state", state=state)}


@pytest.mark.parametrize("policy_word", ["hold", "resend"])
def test_after_a_crash_only_calls_that_had_begun_are_unknown_and_at_once(world: Deliveries, policy_word: str) -> None:
    first = crashed(world, unknown=policy_word)
    handed, begun = actions_in(world, "handed_off"), {action_of(message) for message in first.sent}
    assert begun < handed
    after = Provider()
    world.drain(after, unknown=policy_word)
    unknown = {action for (action,) in world.rows("SELECT action_id FROM action_event WHERE state = 'unknown'")}
    assert unknown == begun, "without waiting for the lease"
    not_begun = {action for (action,) in world.rows("SELECT action_id FROM action_event WHERE reason = 'not_begun'")}
    assert not_begun == handed - begun
    assert actions_in(world, "accepted") == not_begun, "the others are claimed, which ends with their lease"
    assert world.rows("SELECT DISTINCT tries FROM action WHERE state <> 'claimed'") == [(1,)], "it was no try"
    assert list(world.in_flight_folder.iterdir()) == []
    world.at(NOON + HOUR)
    world.drain(after, unknown=policy_word)
    assert Counter(map(action_of, after.sent)) == {
        action: 1 for action in range(1, 61) if policy_word == "resend" or action not in begun
    }
    identifiers = {
        (action_of(message), str(message_from_bytes(message.payload.mime, policy=policy.default)["Message-ID"]))
        for message in first.sent + after.sent
    }
    assert len(identifiers) == 60


def test_the_file_of_a_living_worker_is_never_judged(world: Deliveries) -> None:
    world.users(30)
    world.due_actions(30)
    hanging, other = Provider(hang=lambda _: True), Provider()

    async def run() -> None:
        first = asyncio.create_task(world.delivery(hanging, in_flight=IN_FLIGHT, batch=IN_FLIGHT).drain())
        while len(actions_in(world, "handed_off")) < IN_FLIGHT:
            await asyncio.sleep(0)
        before = world.rows("SELECT id FROM action WHERE state = 'handed_off' ORDER BY id")
        await world.delivery(other).drain()
        assert world.rows("SELECT id FROM action WHERE state = 'handed_off' ORDER BY id") == before
        assert len(list(world.in_flight_folder.iterdir())) == 1
        first.cancel()
        await asyncio.wait([first])

    asyncio.run(run())
    assert not actions_in(world, "unknown")


def another_boot(octets: bytes) -> bytes:
    return _from(replace(origin_of(octets), boot="another"), octets)


def another_store(octets: bytes) -> bytes:
    return _from(replace(origin_of(octets), store="another"), octets)


def _from(origin: Origin, octets: bytes) -> bytes:
    return blank(origin, (len(octets) - SLOTS_AT) // SLOT_SIZE)[:SLOTS_AT] + octets[SLOTS_AT:]


def _flipped(octets: bytes, at: int) -> bytes:
    return octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :]


@dataclass(frozen=True)
class Damage:
    """What happens to a file, and whether it is said and the file removed."""

    to: Callable[[bytes], bytes]
    said: bool = True
    removed: bool = True


DAMAGE = {
    "from another boot": Damage(another_boot, said=False),
    "of another store": Damage(another_store, said=False, removed=False),
    "truncated": Damage(lambda octets: octets[:-SLOT_SIZE]),
    "cut in its header": Damage(lambda octets: octets[: SLOTS_AT - 1]),
    "longer": Damage(lambda octets: octets + bytes(SLOT_SIZE)),
    "garbage": Damage(lambda octets: b"\xff" * len(octets)),
    "empty": Damage(lambda _: b"", said=False),
    "a header with one wrong bit": Damage(lambda octets: _flipped(octets, 30)),
    "a fence with one wrong bit": Damage(lambda octets: _flipped(octets, octets.index(b"w", SLOTS_AT) - 10)),
    "a stage with one wrong bit": Damage(lambda octets: _flipped(octets, octets.index(b"w", SLOTS_AT))),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_file_that_cannot_be_believed_changes_nothing(world: Deliveries, damage: Damage) -> None:
    crashed(world)
    file, handed = file_of(world), actions_in(world, "handed_off")
    file.write_bytes(damage.to(file.read_bytes()))
    with structlog.testing.capture_logs() as logged:
        world.drain(Provider())
    assert actions_in(world, "handed_off") == handed
    assert [entry["file"] for entry in logged if entry["event"] == "in_flight_file_ignored"] == [
        file.name
    ] * damage.said
    assert file.exists() != damage.removed
    world.at(NOON + LEASE)
    world.drain(Provider())
    assert actions_in(world, "unknown") == handed


def test_a_file_says_nothing_about_actions_that_another_worker_has_claimed_since(world: Deliveries) -> None:
    crashed(world)
    world.execute("UPDATE action SET fence = fence + 1 WHERE state = 'handed_off'")
    handed = actions_in(world, "handed_off")
    world.drain(Provider())
    assert actions_in(world, "handed_off") == handed
    assert list(world.in_flight_folder.iterdir()) == [], "it has told all that it knew"


def test_a_hand_off_that_was_not_committed_is_no_try(world: Deliveries) -> None:
    world.users(5)
    world.due_actions(5)

    def die(connection: Connection) -> None:
        if connection.exec_driver_sql("SELECT count(*) FROM action WHERE state = 'handed_off'").scalar_one():
            raise RuntimeError("killed")

    world.scripted().committing = die
    with pytest.raises(RuntimeError, match="killed"):
        world.drain(Provider())
    world.close()
    assert len(actions_in(world, "claimed")) == 5
    world.drain(Provider())
    assert world.states() == {"accepted:accepted": 5}
    assert world.rows("SELECT DISTINCT tries FROM action") == [(1,)]
    assert world.history(1) == ["queued", "claimed", "queued", "claimed", "handed_off", "accepted"]


def test_what_the_provider_had_accepted_is_accepted_after_a_crash(world: Deliveries) -> None:
    world.users(6)
    world.due_actions(6)
    provider = Provider(script=lambda message: Answer(Outcome.ACCEPTED, reference=f"ref-{action_of(message)}"))

    def die(connection: Connection) -> None:
        if connection.exec_driver_sql("SELECT count(*) FROM action WHERE state = 'accepted'").scalar_one():
            raise RuntimeError("killed")

    world.scripted().committing = die
    with pytest.raises(RuntimeError, match="killed"):
        world.drain(provider)
    world.close()
    assert len(actions_in(world, "handed_off")) == 6
    world.drain(provider)
    assert world.states() == {"accepted:accepted": 6}
    assert len(provider.sent) == 6
    found = world.rows("SELECT id, adapter, reference, tries, lease_until FROM action ORDER BY id")
    assert found == [(action, "scripted", f"ref-{action}", 1, None) for action in range(1, 7)]
    assert world.history(1) == ["queued", "claimed", "handed_off", "accepted"]


@pytest.mark.parametrize(
    ("adapter", "reference"), [("smtp", ""), ("smtp", "é" * 47), ("smtp", "\udc80"), ("a" * 99, ""), ("", "x" * 98)]
)
def test_an_acceptance_is_noted_with_its_reference(tmp_path: Path, adapter: str, reference: str) -> None:
    [entry] = noted(tmp_path, adapter, reference)
    kept = (adapter, reference.replace("\udc80", "?"))
    long = len(f"{adapter} {reference}".encode("utf-8", "replace")) > 99
    assert (entry.adapter, entry.reference) == (("", "") if long else kept)
    assert entry.stage is (Stage.BEGUN if long else Stage.ACCEPTED), "one that does not fit stays in doubt"


def noted(folder: Path, adapter: str, reference: str) -> tuple[Entry, ...]:
    """Return the entries of a file with one message that was accepted like this."""
    table = InFlight(folder / "in-flight", 1)
    table.open(Origin("boot", "store"))
    table.waiting([Claim(1, 1)])
    table.begun(Claim(1, 1))
    table.accepted(Claim(1, 1), adapter, reference)
    table.accepted(Claim(9, 1), adapter, reference)  # nobody knows of it
    [file] = (folder / "in-flight").iterdir()
    table.close()
    return entries_of(file.read_bytes())


def test_files_are_private_and_say_nothing_about_people(world: Deliveries) -> None:
    crashed(world)
    file = file_of(world)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(world.in_flight_folder.stat().st_mode) == 0o700
    assert b"u1" not in file.read_bytes()
    found = Counter(entry.stage for entry in entries_of(file.read_bytes()))
    assert found[Stage.BEGUN] == 4
    assert 0 < found[Stage.WAITING] <= IN_FLIGHT - 4


def test_a_folder_that_cannot_even_be_looked_at_holds_nothing_up(world: Deliveries) -> None:
    world.users(2)
    world.due_actions(2)
    world.execute("UPDATE action SET state = 'claimed', lease_until = :past WHERE id = 1", past=NOON - 1)
    provider = Provider()
    world.drain(provider, in_flight_folder=world.folder / ("x" * 300))
    assert len(provider.sent) == 2


def test_without_a_folder_delivery_works_as_ever_and_says_so_once(world: Deliveries, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("a file where the folder should be")
    world.users(5)
    world.due_actions(5)
    with structlog.testing.capture_logs() as logged:
        world.drain(Provider(), in_flight_folder=taken)
    assert world.states() == {"accepted:accepted": 5}
    assert [entry["folder"] for entry in logged if entry["event"] == "in_flight_not_noted"] == [str(taken)]


def test_on_sqlite_files_are_beside_the_store(world: Deliveries) -> None:
    file = world.database.file
    if file is None:
        pytest.skip("this store is not a file")
    world.users(5)
    world.due_actions(5)
    world.abandon(Provider(hang=lambda _: True), in_flight_folder=None)
    assert len(list((file.parent / f"{file.name}-in-flight").iterdir())) == 1


def test_a_full_table_drops_the_oldest(tmp_path: Path) -> None:
    origin = Origin("boot", "store")
    table = InFlight(tmp_path / "in-flight", 3)
    table.open(origin)
    [file] = (tmp_path / "in-flight").iterdir()
    table.waiting([Claim(1, 1), Claim(2, 1), Claim(3, 1)])
    table.begun(Claim(2, 1))
    table.waiting([Claim(4, 7)])
    stages = {(entry.action_id, entry.fence): entry.stage for entry in entries_of(file.read_bytes())}
    assert stages == {(2, 1): Stage.BEGUN, (3, 1): Stage.WAITING, (4, 7): Stage.WAITING}
    table.ended([Claim(2, 1), Claim(3, 1), Claim(9, 9)])
    assert [entry.action_id for entry in entries_of(file.read_bytes())] == [4]
    table.ended([Claim(4, 7)])
    table.close()
    assert not file.exists(), "nothing was in flight"


# --- departures --------------------------------------------------------------------------------------------------------


@dataclass
class Telling(Provider):
    """A provider that tells when a message departs, if ``departs`` says that it does."""

    departs: Callable[[Message], bool] = lambda _: True

    async def send_telling(self, message: Message, departing: Callable[[], None]) -> Answer:
        if self.departs(message):
            departing()
        return await self.send(message)


def test_after_a_crash_a_call_whose_message_had_not_departed_is_not_unknown(world: Deliveries) -> None:
    world.users(10)
    world.due_actions(10)
    dead = Telling(hang=lambda _: True, departs=lambda message: action_of(message) == 2)
    world.abandon(dead, in_flight=IN_FLIGHT)
    assert {action_of(message) for message in dead.sent} >= {1, 2}
    world.drain(Provider())
    assert actions_in(world, "unknown") == {2}
    world.at(NOON + LEASE)
    world.drain(Provider())
    assert world.states() == {"unknown:no_answer": 1, "accepted:accepted": 9}


def test_a_lease_that_ends_before_a_message_departs_is_another_try(world: Deliveries) -> None:
    world.users(2)
    world.due_actions(2)
    slow = Telling(hang=lambda _: True, departs=lambda message: action_of(message) == 2)
    world.drain(slow, lease="1s")
    assert world.states() == {"retrying:too_slow": 1, "unknown:no_answer": 1}
    assert actions_in(world, "unknown") == {2}
    world.at(NOON + DAY)
    world.drain(Provider())
    assert world.states() == {"accepted:accepted": 1, "unknown:no_answer": 1}


def test_a_bug_in_an_adapter_costs_no_message_that_has_not_departed(world: Deliveries) -> None:
    world.users(2)
    world.due_actions(2)

    def script(_: Message) -> Answer:
        raise KeyError("a bug")

    world.drain(Telling(script=script, concurrency=1, departs=lambda _: False))
    assert world.states()["queued:code_at_fault"] >= 1
    assert world.rows("SELECT sum(tries) FROM action") == [(0,)]
    assert not actions_in(world, "unknown")
    world.at(NOON + DAY)
    world.drain(Telling(script=script, concurrency=1))
    assert len(actions_in(world, "unknown")) == 1


def test_what_a_stuck_worker_has_not_begun_it_takes_back_itself_when_the_lease_ends(world: Deliveries) -> None:
    world.users(12)
    world.due_actions(12)
    stuck = Provider(hang=lambda _: not released, concurrency=2)
    released: list[bool] = []

    async def run() -> None:
        delivery = world.delivery(stuck, in_flight=IN_FLIGHT)
        worker = asyncio.create_task(delivery.run(stop := asyncio.Event()))
        while len(actions_in(world, "handed_off")) < IN_FLIGHT or len(stuck.sent) < stuck.concurrency:
            await asyncio.sleep(0)
        world.at(NOON + LEASE)
        while not actions_in(world, "unknown"):
            await asyncio.sleep(0.01)
        stop.set()
        worker.cancel()
        await asyncio.wait([worker])

    asyncio.run(run())
    assert actions_in(world, "unknown") == {action_of(message) for message in stuck.sent}
    world.at(NOON + DAY)
    after = Provider()
    world.drain(after)
    assert world.states() == {"unknown:no_answer": 2, "accepted:accepted": 10}
    assert Counter(map(action_of, after.sent)) == dict.fromkeys(actions_in(world, "accepted"), 1)


def test_what_was_recalled_is_not_sent_afterwards(tmp_path: Path) -> None:
    table = InFlight(tmp_path / "in-flight", 3)
    table.open(Origin("boot", "store"))
    table.waiting([Claim(1, 1), Claim(2, 1)])
    assert table.begun(Claim(2, 1))
    assert [table.recall(Claim(action, 1)) for action in (1, 2, 3)] == [True, False, False]
    assert table.recall(Claim(1, 1)), "when its transaction is repeated"
    assert not table.begun(Claim(1, 1))
    table.waiting([Claim(1, 2)])
    assert table.begun(Claim(1, 2)), "under a later fence it may be"
    table.ended([Claim(1, 1), Claim(2, 1), Claim(1, 2)])
    table.close()
    assert list((tmp_path / "in-flight").iterdir()) == []


def test_a_message_does_not_depart_when_its_worker_was_suspended_for_too_long(
    world: Deliveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Suspended(Telling):
        async def send_telling(self, message: Message, departing: Callable[[], None]) -> Answer:
            loop = asyncio.get_running_loop()
            later = loop.time() + LEASE
            with monkeypatch.context() as patch:
                patch.setattr(loop, "time", lambda: later)
                return await super().send_telling(message, departing)

    world.users(1)
    world.due_actions(1)
    suspended = Suspended()
    world.drain(suspended)
    assert suspended.sent == []
    assert world.states() == {"retrying:too_slow": 1}
