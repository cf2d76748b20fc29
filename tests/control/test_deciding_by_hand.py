"""Releasing, resolving and sending again by hand: which actions, to what, and what is written about it."""

from collections.abc import Mapping

import pytest

from adapters.base import Answer, Message, Outcome
from engine.actions.by_hand import ActionFilter
from engine.actions.put_back import count_untouched, put_back
from engine.actions.states import State
from engine.clock import DAY, HOUR, Instant
from engine.control.actions_by_hand import CHUNK, Chosen, HandResult, HandWork, carry_out, preview
from engine.control.interventions import Hand, record
from engine.control.releasing import RELEASE
from engine.control.resolving import EXTENSION, NOT_SENT, SENT, resend, send_again
from engine.errors import InputError
from tests.deliveries import DRAFT, NOON, Deliveries
from tests.provider import Provider

ANN = Hand("ann", "checked with the provider")
EVERY = Chosen()
AGAIN = send_again(NOON, even_expired=False)
WORKS: Mapping[str, tuple[HandWork, State, State]] = {
    "release": (RELEASE, State.HELD, State.QUEUED),
    "sent": (SENT, State.UNKNOWN, State.ACCEPTED),
    "not-sent": (NOT_SENT, State.UNKNOWN, State.FAILED),
    "send-again": (AGAIN, State.UNKNOWN, State.QUEUED),
    "resend": (resend(NOON, even_expired=False), State.FAILED, State.QUEUED),
}


def do(world: Deliveries, work: HandWork, chosen: Chosen = EVERY, now: int = NOON) -> HandResult:
    return carry_out(world.database, work, chosen, ANN, now=Instant(now))


def states(world: Deliveries) -> dict[int, str]:
    return dict(world.rows("SELECT id, state FROM action"))


@pytest.mark.parametrize("name", WORKS)
def test_one_in_each_state_and_only_the_right_one_changes(world: Deliveries, name: str) -> None:
    work, before, after = WORKS[name]
    everywhere = list(State)
    world.users(len(everywhere))
    world.due_actions(len(everywhere))
    for number, state in enumerate(everywhere, 1):
        world.mark_actions(state.value, where=f"id = {number}")
    old = states(world)
    world.execute("UPDATE action SET due_at = 0")
    result = do(world, work)
    changed = everywhere.index(before) + 1
    assert states(world) == old | {changed: after.value}
    assert (result.changed, result.refused) == ({after.value: 1}, {})
    assert world.rows("SELECT due_at > 0 FROM action WHERE id = :id", id=changed) == [(after is State.QUEUED,)]
    [event] = world.rows("SELECT action_id, state, reason, at, intervention_id FROM action_event WHERE at = :now"
                        " AND intervention_id IS NOT NULL", now=NOON)  # fmt: skip
    assert event == (changed, after.value, work.wish.reason.value, NOON, result.intervention)
    assert world.rows("SELECT who, command, subject, why, changed FROM intervention") == [
        ("ann", work.command, "all", "checked with the provider", 1)
    ]
    again = do(world, work)
    assert (again.changed, again.intervention) == ({}, None), "nothing is left to do, and nothing is written"


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (ActionFilter(playbook="winback"), [1, 2, 3]),
        (ActionFilter(playbook="other"), [4]),
        (ActionFilter(channel="sms"), [2]),
        (ActionFilter(template="winback/strict"), [3]),
        (ActionFilter(reason="no_answer"), [1, 2, 4]),
        (ActionFilter(since=NOON + HOUR), [3, 4]),
        (ActionFilter(until=NOON + HOUR), [1, 2]),
        (ActionFilter(reason="no_answer", since=NOON + HOUR), [4]),
        (ActionFilter(playbook="winbakc"), []),
    ],
)
def test_a_filter_selects(world: Deliveries, wanted: ActionFilter, found: list[int]) -> None:
    world.users(4)
    world.due_actions(4)
    world.mark_actions("unknown", "no_answer")
    world.execute("UPDATE action SET channel = 'sms' WHERE id = 2")
    world.execute("UPDATE action SET template = 'winback/strict', reason = 'adapter_error' WHERE id = 3")
    world.execute("UPDATE action SET playbook = 'other' WHERE id = 4")
    world.execute("UPDATE action SET changed_at = changed_at + :hour WHERE id > 2", hour=HOUR)
    seen = preview(world.database, SENT, Chosen(wanted=wanted), NOON)
    assert seen.count == len(found)
    assert set(states(world).values()) == {"unknown"}, "a look changes nothing"
    assert do(world, SENT, Chosen(wanted=wanted)).count == len(found)
    assert [one for one, state in states(world).items() if state == "accepted"] == found
    assert world.rows("SELECT count(*) FROM intervention") == [(1 if found else 0,)]


def test_a_look_counts_by_reason(world: Deliveries) -> None:
    world.users(3)
    world.due_actions(3)
    world.mark_actions("unknown", "no_answer")
    world.mark_actions("unknown", "adapter_error", where="id = 3")
    seen = preview(world.database, AGAIN, EVERY, NOON)
    assert (seen.changed, seen.reasons) == ({"queued": 3}, {"no_answer": 2, "adapter_error": 1})


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        ((1, 99), "no such action: 99"),
        ((2, 1), r"action 1 is accepted; only unknown actions can be resolved"),
        ((1, 2, 3), r"action 1 is accepted \(and 1 more are in another state\); only unknown"),
    ],
)
def test_an_id_that_cannot_be_meant_is_said_and_nothing_changes(
    world: Deliveries, ids: tuple[int, ...], said: str
) -> None:
    world.users(3)
    world.due_actions(3)
    world.mark_actions("accepted", where="id <> 2")
    world.mark_actions("unknown", where="id = 2")
    for act in (preview, None):
        with pytest.raises(InputError, match=said):
            preview(world.database, SENT, Chosen(ids), NOON) if act else do(world, SENT, Chosen(ids))
    assert states(world) == {1: "accepted", 2: "unknown", 3: "accepted"}


def test_many_are_changed_in_chunks_under_one_intervention(world: Deliveries) -> None:
    number = 2 * CHUNK + 3
    world.users(number)
    world.due_actions(number)
    world.mark_actions("unknown", "no_answer")
    told: list[int] = []
    result = carry_out(world.database, NOT_SENT, EVERY, ANN, now=NOON, watch=told.append)
    assert (result.changed, sum(told), len(told) > 2) == ({"failed": number}, number, True)
    assert world.rows("SELECT changed FROM intervention") == [(number,)]
    assert world.rows("SELECT count(DISTINCT action_id), count(*), min(intervention_id), max(intervention_id)"
                     " FROM action_event WHERE reason = 'resolved_not_sent'") == [(number, number, 1, 1)]  # fmt: skip


def test_sent_again_is_the_same_message(world: Deliveries) -> None:
    world.users(1)
    world.due_actions(1)
    lost = Provider(script=lambda _: Answer(Outcome.UNKNOWN, "no_answer", "", ""))
    world.drain(lost)
    assert states(world) == {1: "unknown"}
    do(world, AGAIN, Chosen((1,)))
    provider = Provider()
    world.drain(provider)
    assert world.rows("SELECT state, reason, tries FROM action") == [("accepted", "accepted", 2)]
    first, second = lost.sent[0], provider.sent[0]
    assert (first.key, first.payload) == (second.key, second.payload)
    assert world.history(1)[-4:] == ["queued", "claimed", "handed_off", "accepted"]


@pytest.mark.parametrize(("name", "state"), [("send-again", "unknown"), ("resend", "failed")])
def test_what_has_expired_or_whose_user_has_left_stays(world: Deliveries, name: str, state: str) -> None:
    world.users(4)
    world.due_actions(4)
    for number, ended in (
        (1, ("active", None)),
        (2, ("exited", "exit_event")),
        (3, ("cancelled", "version_unreadable")),
    ):
        world.enrol(number, state=ended[0], reason=ended[1])
    world.enrol(4, state="exited", reason="gave_up")
    world.mark_actions(state)
    world.execute("UPDATE action SET expires_at = :now WHERE id = 1", now=NOON)
    work, _, after = WORKS[name]
    result = do(world, work)
    assert states(world) == {1: state, 2: state, 3: state, 4: after.value}, "an exit step cancels nothing"
    assert result.refused == {
        "it has expired; --even-expired sends it all the same": 1,
        "the user has left the playbook": 2,
    }
    make = {"send-again": send_again, "resend": resend}[name]
    assert do(world, make(NOON, even_expired=True), Chosen((1,))).changed == {"queued": 1}
    expiries = dict(world.rows("SELECT id, expires_at FROM action WHERE id IN (1, 4)"))
    assert expiries == {1: NOON + EXTENSION, 4: DRAFT.expires_at}


def test_a_grant_is_not_released_because_nobody_sends_it(world: Deliveries) -> None:
    world.users(2)
    world.due_actions(1, kind="coupon", channel=None, coupon="GIFT", state="held")
    world.due_actions(1, first=2, coupon="GIFT", state="held")
    world.mark_actions("held", "coupon_pool_empty")
    result = do(world, RELEASE)
    assert states(world) == {1: "held", 2: "queued"}
    assert list(result.refused.values()) == [1]
    world.drain(Provider())
    assert world.states() == {"held:coupon_pool_empty": 2}, "the gate holds it again"


# --- undo ------------------------------------------------------------------------------------------------------------


def undo(world: Deliveries, intervention: int | None, limit: int = 100) -> int:
    assert intervention is not None
    with world.database.write() as connection:
        by = record(connection, ANN, "undo", "it", Instant(NOON + 1))
        counted = count_untouched(connection, intervention)
        undone = put_back(connection, intervention, by, Instant(NOON + 1), limit)
        assert undone == min(counted, limit)
        return undone


@pytest.mark.parametrize("name", WORKS)
def test_what_nothing_happened_to_since_goes_back(world: Deliveries, name: str) -> None:
    work, before, after = WORKS[name]
    world.users(3)
    world.due_actions(3)
    world.execute("UPDATE action_event SET state = :state, reason = 'why'", state=before.value)
    world.mark_actions(before.value, "why")
    result = do(world, work)
    world.execute(
        "INSERT INTO action_event (action_id, at, state, reason, detail) VALUES (2, 0, 'claimed', 'claimed', '')"
    )
    world.execute("UPDATE action SET state = 'claimed' WHERE id = 2")
    assert undo(world, result.intervention, limit=1) == 1
    assert undo(world, result.intervention) == 1
    assert undo(world, result.intervention) == 0
    assert world.rows("SELECT state, reason FROM action ORDER BY id") == [
        (before.value, "why"),
        ("claimed", work.wish.reason.value),
        (before.value, "why"),
    ]
    assert world.history(1) == [before.value, after.value, before.value]


def test_a_second_decision_after_an_undo_counts(world: Deliveries) -> None:
    world.users(1)
    world.due_actions(1)
    world.execute("UPDATE action_event SET state = 'unknown', reason = 'no_answer'")
    world.mark_actions("unknown", "no_answer")
    undo(world, do(world, NOT_SENT).intervention)
    assert do(world, SENT).changed == {"accepted": 1}
    assert world.history(1) == ["unknown", "failed", "unknown", "accepted"]


def refuse(_: Message) -> Answer:
    return Answer(Outcome.REJECTED, "content_refused", "no", "")


def test_failed_messages_are_sent_once_mended(world: Deliveries) -> None:
    world.users(2)
    world.due_actions(2)
    world.drain(Provider(script=refuse))
    assert world.states() == {"failed:content_refused": 2}
    assert do(world, resend(NOON, even_expired=False), Chosen(wanted=ActionFilter(reason="content_refused"))).count == 2
    world.at(NOON + DAY)
    provider = Provider()
    world.drain(provider)
    assert sorted(provider.recipients) == ["u1@example.com", "u2@example.com"]
    assert world.states() == {"accepted:accepted": 2}
