"""Cancelling what waits, beside workers, in chunks, and undoing it."""

import asyncio
import threading

import pytest

from adapters.base import Answer, Message
from engine.actions.claims import Claims
from engine.actions.moves import Move, Mover
from engine.actions.states import State
from engine.clock import DAY, MINUTE
from engine.control.cancelling import CHUNK, ROUNDS, CancelCounts, cancel_actions, would_cancel, would_cancel_actions
from engine.control.undo import CHUNK as AT_ONCE
from engine.errors import InputError
from engine.store.paused import Subject, SubjectScope
from tests.control.hands import ANN, EVERYTHING, cancels, channel, paused, pauses, playbook, record, resumes, undoes
from tests.deliveries import NOON, Deliveries
from tests.provider import Provider

WAITING = ("queued", "deferred", "retrying", "held")


def queue(world: Deliveries) -> None:
    """Winback's actions 1 to 4 wait in each of the ways, 5 is sent; 6 is a receipt, 7 is winback's by SMS."""
    world.users(7)
    for number, state in enumerate(WAITING, start=1):
        world.due_actions(1, first=number, state=state)
        world.enrol(number)
    world.due_actions(1, first=5, state="accepted")
    world.enrol(5)
    world.due_actions(1, first=6, playbook="receipts", message_class="transactional")
    world.due_actions(1, first=7, channel="sms")


def states(world: Deliveries) -> dict[int, str]:
    return dict(world.rows("SELECT id, state FROM action"))


@pytest.mark.parametrize(
    ("subject", "gone", "enrolments"),
    [
        (playbook(), {1, 2, 3, 4, 7}, 5),
        (channel(), {1, 2, 3, 4, 6}, 0),
        (Subject(SubjectScope.CLASS, "transactional"), {6}, 0),
        (EVERYTHING, {1, 2, 3, 4, 6, 7}, 0),
    ],
    ids=str,
)
def test_what_waits_is_cancelled_and_nothing_else(
    world: Deliveries, subject: Subject, gone: set[int], enrolments: int
) -> None:
    queue(world)
    before = states(world)
    with world.database.read() as connection:
        assert would_cancel(connection, subject, NOON) == CancelCounts(len(gone), enrolments, 0)
    assert states(world) == before
    assert cancels(world, subject) == CancelCounts(len(gone), enrolments, 0, record(world)[0].id)
    assert states(world) == before | dict.fromkeys(gone, "cancelled")
    assert world.rows("SELECT count(*) FROM enrolment WHERE state = 'cancelled'") == [(enrolments,)]
    events = world.rows("SELECT action_id FROM action_event WHERE reason = 'cancelled_by_hand' AND intervention_id = 1")
    assert {action for (action,) in events} == gone
    assert paused(world) == []
    [done] = record(world)
    assert (done.command, done.subject, done.who, done.why, done.count) == (
        "cancel", str(subject), "ann", "wrong coupon", len(gone) + enrolments,
    )  # fmt: skip


def test_where_nothing_waits_nothing_is_written(world: Deliveries) -> None:
    assert cancels(world, playbook()) == CancelCounts(0, 0, 0)
    assert record(world) == []


def test_a_worker_loses_what_it_has_claimed(world: Deliveries) -> None:
    world.users(2)
    world.due_actions(2)
    claims, mover = Claims(world.database.dialect, MINUTE), Mover(world.database.dialect)
    with world.database.write() as connection:
        mine = claims.take(connection, "email", NOON, 1)[0]
    assert cancels(world, playbook()).messages == 2
    with world.database.write() as connection:
        assert not mover.write(connection, [Move(*mine, State.HANDED_OFF, "gates_passed", tries=1)], NOON)
    assert world.states() == {"cancelled:cancelled_by_hand": 2}


def test_a_running_campaign_is_called_off(world: Deliveries) -> None:
    """What was handed off comes back because the playbook is paused meanwhile; only what was being sent has left."""

    async def campaign() -> CancelCounts:
        begun, go_on = asyncio.Event(), asyncio.Event()

        class Slow(Provider):
            async def send(self, message: Message) -> Answer:
                begun.set()
                await go_on.wait()
                return await super().send(message)

        slow.append(provider := Slow(concurrency=1))
        draining = asyncio.create_task(world.delivery(provider, in_flight=10, batch=20).drain())
        await begun.wait()
        loop = asyncio.get_running_loop()
        seen, finished = asyncio.Event(), threading.Event()

        def wait() -> None:
            loop.call_soon_threadsafe(seen.set)
            finished.wait()

        cancelled = asyncio.create_task(asyncio.to_thread(cancels, world, playbook(), wait))
        await seen.wait()
        assert paused(world) == ["playbook winback"]
        go_on.set()
        await draining
        finished.set()
        return await cancelled

    slow: list[Provider] = []
    world.users(50)
    world.due_actions(50)
    done = asyncio.run(campaign())
    sent = len(slow[0].sent)
    assert sent <= 10
    assert world.states() == {"accepted:accepted": sent, "cancelled:cancelled_by_hand": 50 - sent}
    assert (done.messages, done.being_sent) == (50 - sent, 0)


def test_what_a_worker_does_not_give_back_is_said(world: Deliveries) -> None:
    world.users(2)
    world.due_actions(2)
    world.execute("UPDATE action SET state = 'handed_off', lease_until = :until WHERE id = 1", until=NOON + MINUTE)
    waits: list[int] = []
    done = cancels(world, playbook(), lambda: waits.append(1))
    assert (done.messages, done.being_sent, len(waits)) == (1, 1, ROUNDS)
    assert states(world) == {1: "handed_off", 2: "cancelled"}
    assert paused(world) == []


def test_what_comes_back_just_before_the_last_look_is_cancelled_too(world: Deliveries) -> None:
    world.users(2)
    world.due_actions(2)
    world.execute("UPDATE action SET state = 'handed_off', lease_until = :until WHERE id = 1", until=NOON + MINUTE)

    def come_back(_: int) -> None:
        world.execute("UPDATE action SET state = 'queued', lease_until = NULL WHERE state = 'handed_off'")

    assert cancels(world, channel(), watch=come_back) == CancelCounts(2, 0, 0, record(world)[0].id)
    assert states(world) == {1: "cancelled", 2: "cancelled"}


def test_the_lease_of_a_dead_worker_is_not_waited_for(world: Deliveries) -> None:
    world.users(2)
    world.due_actions(2)
    world.execute("UPDATE action SET state = 'handed_off', lease_until = :until WHERE id = 1", until=NOON - MINUTE)

    def wait() -> None:
        raise AssertionError

    assert cancels(world, playbook(), wait).messages == 1


def test_an_interruption_leaves_it_paused_and_the_same_command_goes_on(world: Deliveries) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    world.users(CHUNK + 5)
    world.due_actions(CHUNK + 5)
    with pytest.raises(KeyboardInterrupt):
        cancels(world, playbook(), watch=interrupt)
    assert world.states() == {"cancelled:cancelled_by_hand": CHUNK, "queued:due": 5}
    assert paused(world) == ["playbook winback"]
    assert world.drain(Provider()).total == 0
    assert cancels(world, playbook()).messages == 5
    assert paused(world) == []
    assert [one.count for one in record(world)] == [5, CHUNK]


def test_a_pause_by_hand_outlasts_the_cancellation(world: Deliveries) -> None:
    queue(world)
    pauses(world, playbook())
    cancels(world, playbook())
    assert paused(world) == ["playbook winback"]
    resumes(world, playbook())


def test_a_pause_that_comes_during_a_cancellation_outlasts_it(world: Deliveries) -> None:
    queue(world)
    cancels(world, playbook(), watch=lambda _: pauses(world, playbook()))
    assert paused(world) == ["playbook winback"]


# --- single actions ---------------------------------------------------------------------------------------------


def test_single_actions_are_cancelled(world: Deliveries) -> None:
    queue(world)
    with world.database.read() as connection:
        assert would_cancel_actions(connection, [1, 4, 5]) == CancelCounts(2, 0, 0)
    done = cancel_actions(world.database, [4, 1, 5, 1], ANN, NOON)
    assert done.messages == 2
    assert [number for number, state in states(world).items() if state == "cancelled"] == [1, 4]
    assert record(world)[0].subject == "action 1, 4, 5"


def test_an_action_that_does_not_exist_is_said(world: Deliveries) -> None:
    queue(world)
    with pytest.raises(InputError, match=r"no such action: 99"):
        cancel_actions(world.database, [1, 99], ANN, NOON)
    assert "cancelled" not in states(world).values()


# --- undo -------------------------------------------------------------------------------------------------------


def test_an_undo_brings_back_what_waited_as_it_waited(world: Deliveries) -> None:
    queue(world)
    before = world.rows("SELECT id, state, reason, due_at FROM action ORDER BY id")
    done = cancels(world, playbook())
    undone = undoes(world, done.intervention)
    assert undone.count == 10
    assert world.rows("SELECT id, state, reason, due_at FROM action ORDER BY id") == before
    assert world.rows("SELECT DISTINCT state, reason, ended_at FROM enrolment") == [("active", None, None)]
    [(by,)] = world.rows(
        "SELECT DISTINCT intervention_id FROM action_event WHERE action_id = 2 AND id > 10 AND state = 'deferred'"
    )
    assert by == undone.by
    undo, cancel = record(world)
    assert (undo.command, undo.subject, undo.who, undo.undoes, undo.count) == (
        "undo",
        "cancel playbook winback",
        "bob",
        cancel.id,
        10,
    )
    assert cancel.undone_by == undo.id


def test_users_whose_enrolments_come_back_are_looked_at_first(world: Deliveries) -> None:
    queue(world)
    done = cancels(world, playbook())
    undoes(world, done.intervention)
    assert world.rows("SELECT DISTINCT cause FROM user_news WHERE user_id < 6 AND cause = 'person'") == [("person",)]


def test_who_has_entered_again_since_is_not_in_the_playbook_twice_after_an_undo(world: Deliveries) -> None:
    world.users(2)
    for number in (1, 2):
        world.enrol(number)
    done = cancels(world, playbook()).intervention
    world.enrol(3, user_id=1)
    assert undoes(world, done).count == 1
    assert world.rows("SELECT id FROM enrolment WHERE state = 'active' ORDER BY id") == [(2,), (3,)]


def test_claimed_messages_wait_again_after_an_undo(world: Deliveries) -> None:
    world.users(1)
    world.due_actions(1)
    with world.database.write() as connection:
        Claims(world.database.dialect, MINUTE).take(connection, "email", NOON, 1)
    undoes(world, cancels(world, playbook()).intervention)
    assert world.states() == {"queued:due": 1}
    assert world.drain(Provider()).accepted == 1


def test_what_has_expired_meanwhile_stays_cancelled(world: Deliveries) -> None:
    world.users(2)
    world.due_actions(1, expires_at=NOON + DAY)
    world.due_actions(1, first=2, expires_at=NOON + 3 * DAY)
    done = cancels(world, playbook())
    world.at(NOON + 2 * DAY)
    assert undoes(world, done.intervention).count == 1
    assert states(world) == {1: "cancelled", 2: "queued"}


def test_a_message_whose_code_is_gone_waits_for_another(world: Deliveries) -> None:
    world.users(1)
    world.due_actions(1, coupon="GIFT")
    done = cancels(world, playbook())
    undoes(world, done.intervention)
    assert world.states() == {"held:coupon_pool_empty": 1}


def test_an_undo_can_be_cancelled_again(world: Deliveries) -> None:
    world.users(1)
    world.due_actions(1)
    first = cancels(world, playbook())
    undoes(world, first.intervention)
    second = cancels(world, playbook())
    with pytest.raises(InputError, match="nothing is left to undo"):
        undoes(world, first.intervention)
    assert undoes(world, second.intervention).count == 1


def test_an_undo_that_was_interrupted_goes_on(world: Deliveries) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    world.users(AT_ONCE + 5)
    world.due_actions(AT_ONCE + 5)
    done = cancels(world, playbook())
    with pytest.raises(KeyboardInterrupt):
        undoes(world, done.intervention, watch=interrupt)
    assert world.states() == {"cancelled:cancelled_by_hand": 5, "queued:due": AT_ONCE}
    assert undoes(world, done.intervention).count == 5
    assert world.states() == {"queued:due": AT_ONCE + 5}
    assert [(one.command, one.count) for one in record(world)] == [("undo", AT_ONCE + 5), ("cancel", AT_ONCE + 5)]
    with pytest.raises(InputError, match=r"nothing is left to undo of intervention 1 .*: it was undone at .* by bob"):
        undoes(world, done.intervention)


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (1, "undo a pause with `habitue resume`"),
        (2, "undo a resume with `habitue pause`"),
        (99, "no such intervention: 99; `habitue interventions` lists them"),
    ],
)
def test_what_cannot_be_undone_says_what_to_do_instead(world: Deliveries, number: int, sentence: str) -> None:
    pauses(world, playbook())
    resumes(world, playbook())
    with pytest.raises(InputError, match=sentence):
        undoes(world, number)


def test_an_undo_is_not_undone(world: Deliveries) -> None:
    world.users(1)
    world.due_actions(1)
    undone = undoes(world, cancels(world, playbook()).intervention)
    with pytest.raises(InputError, match="give the first command again"):
        undoes(world, undone.by)


def test_explain_says_who_cancelled_an_enrolment_and_its_messages(world: Deliveries) -> None:
    queue(world)
    cancels(world, playbook())
    [enrolment] = world.explain("u1", 300).enrolments
    assert (enrolment.state, enrolment.reason, enrolment.sentence) == (
        "cancelled",
        "cancelled_by_hand",
        "Someone cancelled it.",
    )
    assert (enrolment.who, enrolment.why) == ("ann", "wrong coupon")
    [action] = world.explain("u1", 300).actions
    assert [(one.state, one.who, one.why) for one in action.history[-1:]] == [("cancelled", "ann", "wrong coupon")]
    shown = " ".join(world.command("explain", "u1").stdout.split())
    assert shown.count("(by ann: wrong coupon)") == 2
