"""An address that does not exist any more is suppressed with the answer that says so, and the next channel is tried."""

import asyncio

import pytest

from adapters.base import Answer, Message, Outcome
from engine.clock import HOUR
from engine.control.actions_by_hand import Chosen, carry_out
from engine.control.interventions import Hand
from engine.control.resolving import resend
from engine.control.suppressing import remove
from engine.explain.health import read_store
from engine.intake.write.suppressions import Suppressed, read_list, suppress_gone
from engine.kinds import SHIPPED
from tests.deliveries import NOON, Deliveries, action_of
from tests.provider import ACCEPT, Provider

GONE = Answer(Outcome.REJECTED, "mailbox_unavailable", "550 5.1.1 no such user", gone=True)


def gone_for(*numbers: int) -> Provider:
    return Provider(script=lambda message: GONE if action_of(message) in numbers else ACCEPT)


def suppressions(world: Deliveries) -> list[Suppressed]:
    with world.database.read() as connection:
        return sorted(read_list(connection, None, 100))


def test_the_address_is_suppressed_and_not_the_user(world: Deliveries) -> None:
    world.users(2, phone="+4915112345678")
    world.due_actions(2)
    world.drain(gone_for(1))
    assert world.states() == {"failed:mailbox_unavailable": 1, "accepted:accepted": 1}
    assert suppressions(world) == [Suppressed("email", "u1@example.com", "address_gone", NOON, "scripted")]
    [failed] = [one for one in world.log() if one.state == "failed"]
    assert failed.detail == "the address is gone and gets nothing more: 550 5.1.1 no such user"
    with world.database.read() as connection:
        assert read_store(connection, SHIPPED.reasons, NOON, NOON).gone == 1
    world.due_actions(2, step_id="later")
    world.due_actions(1, step_id="text", channel="sms")
    later, sms = Provider(), Provider("sms")
    world.drain(later, sms)
    assert later.recipients == ["u2@example.com"]
    assert sms.recipients == ["+4915112345678"]
    shown = world.explain("u1", 0).suppressed
    assert [(one.channel, one.address, one.reason, one.source) for one in shown] == [
        ("email", "u•••@example.com", "address_gone", "scripted")
    ]


def test_the_next_channel_is_tried_as_after_a_refusal_by_a_gate(world: Deliveries) -> None:
    world.users(2, phone="+4915112345678")
    world.due_actions(2, next_channels="sms,push")
    sms = Provider("sms")
    world.drain(gone_for(1), sms)
    assert sms.recipients == ["+4915112345678"]
    rows = world.rows("SELECT user_id, attempt, channel, next_channels, state, reason FROM action ORDER BY id")
    assert rows == [
        (1, 1, "email", "sms,push", "failed", "mailbox_unavailable"),
        (2, 1, "email", "sms,push", "accepted", "accepted"),
        (1, 2, "sms", "push", "accepted", "accepted"),
    ]
    assert world.history(3) == ["queued", "claimed", "handed_off", "accepted"]


@pytest.mark.parametrize("answer", [Answer(Outcome.REJECTED, "content_rejected"), Answer(Outcome.RETRY, "busy")])
def test_no_other_answer_suppresses_or_falls_back(world: Deliveries, answer: Answer) -> None:
    world.users(1, phone="+4915112345678")
    world.due_actions(1, next_channels="sms")
    sms = Provider("sms")
    world.drain(Provider(script=lambda _: answer), sms)
    assert suppressions(world) == []
    assert sms.sent == []


def test_an_address_that_is_gone_in_the_end_gets_no_further_try(world: Deliveries) -> None:
    """The provider says it while it refuses for now: the retry is refused by the list, and the next channel follows."""
    world.users(1, phone="+4915112345678")
    world.due_actions(1, next_channels="sms")
    world.drain(Provider(script=lambda _: Answer(Outcome.RETRY, "busy", gone=True)))
    assert world.states() == {"retrying:busy": 1}
    world.at(NOON + HOUR)
    email, sms = Provider(), Provider("sms")
    world.drain(email, sms)
    assert email.sent == []
    assert len(sms.sent) == 1


def test_a_second_word_changes_nothing_and_a_person_can_lift_it(world: Deliveries) -> None:
    world.users(1)
    world.due_actions(1)
    world.drain(gone_for(1))
    with world.database.write() as connection:
        assert suppress_gone(connection, "email", ["u1@example.com", "u9@example.com"], "other", NOON) == 1
    assert [one.source for one in suppressions(world)] == ["scripted", "other"]
    assert remove(world.database, "email", ["u1@example.com"], Hand("ann", None), NOON).changed == 1


def test_an_answer_that_comes_too_late_suppresses_nothing(world: Deliveries) -> None:
    """Another worker has the action by then, and will hear for itself."""
    world.users(1)
    world.due_actions(1)

    def overtaken(_: Message) -> Answer:
        world.execute("UPDATE action SET fence = fence + 1")
        return GONE

    asyncio.run(world.delivery(Provider(script=overtaken, concurrency=1)).drain())
    assert suppressions(world) == []


def test_what_is_sent_again_by_hand_brings_no_second_message_on_the_next_channel(world: Deliveries) -> None:
    world.users(1, phone="+4930901820")
    world.devices("dead")
    world.due_actions(1, channel="push", next_channels="sms")
    gone = Provider("push", script=lambda _: GONE)
    texts = Provider("sms")
    world.drain(gone, texts)
    assert len(texts.sent) == 1
    carry_out(world.database, resend(NOON, even_expired=False), Chosen((1,)), Hand("ann", None), now=NOON)
    world.drain(gone, texts)
    assert world.rows("SELECT attempt, channel, state FROM action ORDER BY id") == [
        (1, "push", "suppressed"),
        (2, "sms", "accepted"),
    ]
    assert len(texts.sent) == 1
