"""Receipts find their message by the provider's reference or by its key, and tell which addresses are gone."""

from collections.abc import Sequence

import pytest

from adapters.base import Answer, Message, Outcome
from engine.actions.receipts import ReceiptEntry, Received
from engine.actions.states import State
from engine.clock import HOUR
from engine.control.interventions import Hand
from engine.control.suppressing import remove
from engine.delivery.receipts import Told
from engine.intake.write.suppressions import read_list
from tests.deliveries import NOON, Deliveries, action_of
from tests.provider import Provider


def store(world: Deliveries, receipts: Sequence[ReceiptEntry]) -> Received:
    return world.app.store_receipts([Told(tuple(receipts))])


def told(state: State = State.DELIVERED, **identity: object) -> ReceiptEntry:
    return ReceiptEntry("scripted", state, **identity)  # type: ignore[arg-type]


def unanswered(world: Deliveries, reference: str = "") -> dict[int, str]:
    """Let three messages end without an answer, and a fourth be accepted; return the key of each."""
    keys: dict[int, str] = {}

    def script(message: Message) -> Answer:
        number = action_of(message)
        keys[number] = message.key
        if number == 4:
            return Answer(Outcome.ACCEPTED, reference="ref-4")
        return Answer(Outcome.UNKNOWN, "no_answer", reference=reference and f"{reference}-{number}")

    world.users(4)
    for number in (1, 2):
        world.enrol(number)
    world.due_actions(4)
    world.drain(Provider(script=script))
    return keys


def states(world: Deliveries) -> list[str]:
    return [state for (state,) in world.rows("SELECT state FROM action ORDER BY id")]


def test_a_message_without_an_answer_is_found_by_its_key(world: Deliveries) -> None:
    keys = unanswered(world)
    by_key = told(reference="ref-2", key=keys[2])
    assert store(world, [by_key, told(State.BOUNCED, key=keys[3])]) == Received(new=2)
    assert states(world) == ["unknown", "delivered", "bounced", "accepted"]
    assert world.rows("SELECT reference FROM action WHERE id = 2") == [("ref-2",)]
    assert store(world, [by_key, told(State.OPENED, reference="ref-2")]) == Received(new=1, known=1)


def test_a_message_whose_worker_died_is_found_by_its_key(world: Deliveries) -> None:
    keys = unanswered(world)
    world.mark_actions("handed_off", "gates_passed", "id = 1")
    assert world.app.in_flight()
    assert store(world, [told(key=keys[1])]) == Received(new=1)
    assert states(world)[0] == "delivered"
    assert not world.app.in_flight()


def test_a_message_to_one_of_several_devices_is_found_by_its_key(world: Deliveries) -> None:
    world.users(1)
    world.devices("tablet", "phone")
    world.due_actions(1, channel="push")
    provider = Provider("push", script=lambda _: Answer(Outcome.UNKNOWN, "no_answer"))
    world.drain(provider)
    keys = {one.recipient: one.key for one in provider.sent}
    world.execute("DELETE FROM device WHERE token = 'tablet'")
    assert store(world, [told(key=keys["tablet"])]) == Received(new=1)
    assert store(world, [told(State.OPENED, key=keys["phone"])]) == Received(new=1)
    assert states(world) == ["opened", "delivered"]


def test_a_reference_that_no_database_can_store_harms_no_key(world: Deliveries) -> None:
    keys = unanswered(world)
    assert store(world, [told(reference="ref\0-2", key=keys[2])]) == Received(new=1)
    assert world.rows("SELECT reference FROM action WHERE id = 2") == [("ref-2",)]
    assert store(world, [told(State.OPENED, reference="ref\0-2", key=keys[2])]) == Received(new=1)


def test_a_key_of_nobody_and_one_beside_another_reference(world: Deliveries) -> None:
    keys = unanswered(world)
    strange = told(key="0" * 32)
    answered = told(reference="ref-4", key=keys[1])
    assert store(world, [strange, answered]) == Received(new=1, unmatched=1)
    assert states(world) == ["unknown", "unknown", "unknown", "delivered"], "the provider's own word counts first"


def test_a_key_is_no_longer_enough_once_the_provider_gave_a_reference(world: Deliveries) -> None:
    keys = unanswered(world)
    assert store(world, [told(key=keys[4])]) == Received(unmatched=1)


def test_a_reference_without_an_answer_is_kept_for_receipts(world: Deliveries) -> None:
    unanswered(world, reference="mine")
    assert store(world, [told(reference="mine-2")]) == Received(new=1)
    assert states(world) == ["unknown", "delivered", "unknown", "accepted"]


def test_messages_that_were_never_handed_over_have_no_receipts(world: Deliveries) -> None:
    keys = unanswered(world)
    world.execute("UPDATE action SET tries = 0 WHERE id = 1")
    assert store(world, [told(key=keys[1])]) == Received(unmatched=1)


# --- addresses that are gone ----------------------------------------------------------------------------------------


def suppressed(world: Deliveries) -> list[tuple[str, str, str | None]]:
    with world.database.read() as connection:
        return sorted((one.address, one.reason, one.source) for one in read_list(connection, "email", 10))


@pytest.fixture
def sent(world: Deliveries) -> Deliveries:
    world.users(3)
    world.due_actions(3)
    world.drain(Provider(script=lambda one: Answer(Outcome.ACCEPTED, reference=f"ref-{action_of(one)}")))
    return world


def test_the_address_that_it_was_sent_to_is_suppressed(sent: Deliveries) -> None:
    sent.execute("UPDATE users SET email = 'new@example.com' WHERE id = 2")
    gone = told(State.BOUNCED, reference="ref-2", gone=True)
    received = store(sent, [told(State.BOUNCED, reference="ref-1"), gone])
    assert (received.new, received.gone) == (2, (2,))
    assert suppressed(sent) == [("u2@example.com", "address_gone", "scripted")]


def test_a_repetition_does_not_overrule_a_person(sent: Deliveries) -> None:
    gone = told(State.BOUNCED, reference="ref-1", gone=True)
    store(sent, [gone])
    assert remove(sent.database, "email", ["u1@example.com"], Hand("ann", None), NOON).changed == 1
    assert store(sent, [gone]) == Received(known=1)
    assert suppressed(sent) == []


def test_an_address_that_was_forgotten_suppresses_nothing(sent: Deliveries) -> None:
    sent.at(NOON + HOUR)
    sent.execute("DELETE FROM action_content WHERE action_id = 1")
    assert store(sent, [told(State.BOUNCED, reference="ref-1", gone=True)]).new == 1
    assert suppressed(sent) == []
