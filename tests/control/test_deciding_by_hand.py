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


def do(shop: Deliveries, work: HandWork, chosen: Chosen = EVERY, now: int = NOON) -> HandResult:
    return carry_out(shop.database, work, chosen, ANN, now=Instant(now))


def states(shop: Deliveries) -> dict[int, str]:
    return dict(shop.rows("SELECT id, state FROM action"))


@pytest.mark.parametrize("name", WORKS)
def test_one_in_each_state_and_only_the_right_one_changes(shop: Deliveries, name: str) -> None:
    work, before, after = WORKS[name]
    everywhere = list(State)
    shop.users(len(everywhere))
    shop.due_actions(len(everywhere))
    for number, state in enumerate(everywhere, 1):
        shop.mark_actions(state.value, where=f"id = {number}")
    old = states(shop)
    shop.execute("UPDATE action SET due_at = 0")
    result = do(shop, work)
    changed = everywhere.index(before) + 1
    assert states(shop) == old | {changed: after.value}
    assert (result.changed, result.refused) == ({after.value: 1}, {})
    assert shop.rows("SELECT due_at > 0 FROM action WHERE id = :id", id=changed) == [(after is State.QUEUED,)]
    [event] = shop.rows("SELECT action_id, state, reason, at, intervention_id FROM action_event WHERE at = :now"
                        " AND intervention_id IS NOT NULL", now=NOON)  # fmt: skip
    assert event == (changed, after.value, work.wish.reason.value, NOON, result.intervention)
    assert shop.rows("SELECT who, command, subject, why, changed FROM intervention") == [
        ("ann", work.command, "all", "checked with the provider", 1)
    ]
    again = do(shop, work)
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
def test_a_filter_selects(shop: Deliveries, wanted: ActionFilter, found: list[int]) -> None:
    shop.users(4)
    shop.due_actions(4)
    shop.mark_actions("unknown", "no_answer")
    shop.execute("UPDATE action SET channel = 'sms' WHERE id = 2")
    shop.execute("UPDATE action SET template = 'winback/strict', reason = 'adapter_error' WHERE id = 3")
    shop.execute("UPDATE action SET playbook = 'other' WHERE id = 4")
    shop.execute("UPDATE action SET changed_at = changed_at + :hour WHERE id > 2", hour=HOUR)
    seen = preview(shop.database, SENT, Chosen(wanted=wanted), NOON)
    assert seen.count == len(found)
    assert set(states(shop).values()) == {"unknown"}, "a look changes nothing"
    assert do(shop, SENT, Chosen(wanted=wanted)).count == len(found)
    assert [one for one, state in states(shop).items() if state == "accepted"] == found
    assert shop.rows("SELECT count(*) FROM intervention") == [(1 if found else 0,)]


def test_a_look_counts_by_reason(shop: Deliveries) -> None:
    shop.users(3)
    shop.due_actions(3)
    shop.mark_actions("unknown", "no_answer")
    shop.mark_actions("unknown", "adapter_error", where="id = 3")
    seen = preview(shop.database, AGAIN, EVERY, NOON)
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
    shop: Deliveries, ids: tuple[int, ...], said: str
) -> None:
    shop.users(3)
    shop.due_actions(3)
    shop.mark_actions("accepted", where="id <> 2")
    shop.mark_actions("unknown", where="id = 2")
    for act in (preview, None):
        with pytest.raises(InputError, match=said):
            preview(shop.database, SENT, Chosen(ids), NOON) if act else do(shop, SENT, Chosen(ids))
    assert states(shop) == {1: "accepted", 2: "unknown", 3: "accepted"}


def test_many_are_changed_in_chunks_under_one_intervention(shop: Deliveries) -> None:
    number = 2 * CHUNK + 3
    shop.users(number)
    shop.due_actions(number)
    shop.mark_actions("unknown", "no_answer")
    told: list[int] = []
    result = carry_out(shop.database, NOT_SENT, EVERY, ANN, now=NOON, watch=told.append)
    assert (result.changed, sum(told), len(told) > 2) == ({"failed": number}, number, True)
    assert shop.rows("SELECT changed FROM intervention") == [(number,)]
    assert shop.rows("SELECT count(DISTINCT action_id), count(*), min(intervention_id), max(intervention_id)"
                     " FROM action_event WHERE reason = 'resolved_not_sent'") == [(number, number, 1, 1)]  # fmt: skip


def test_sent_again_is_the_same_message(shop: Deliveries) -> None:
    shop.users(1)
    shop.due_actions(1)
    lost = Provider(script=lambda _: Answer(Outcome.UNKNOWN, "no_answer", "", ""))
    shop.drain(lost)
    assert states(shop) == {1: "unknown"}
    do(shop, AGAIN, Chosen((1,)))
    provider = Provider()
    shop.drain(provider)
    assert shop.rows("SELECT state, reason, tries FROM action") == [("accepted", "accepted", 2)]
    first, second = lost.sent[0], provider.sent[0]
    assert (first.key, first.payload) == (second.key, second.payload)
    assert shop.history(1)[-4:] == ["queued", "claimed", "handed_off", "accepted"]


@pytest.mark.parametrize(("name", "state"), [("send-again", "unknown"), ("resend", "failed")])
def test_what_has_expired_or_whose_user_has_left_stays(shop: Deliveries, name: str, state: str) -> None:
    shop.users(4)
    shop.due_actions(4)
    for number, ended in (
        (1, ("active", None)),
        (2, ("exited", "exit_event")),
        (3, ("cancelled", "version_unreadable")),
    ):
        shop.enrol(number, state=ended[0], reason=ended[1])
    shop.enrol(4, state="exited", reason="gave_up")
    shop.mark_actions(state)
    shop.execute("UPDATE action SET expires_at = :now WHERE id = 1", now=NOON)
    work, _, after = WORKS[name]
    result = do(shop, work)
    assert states(shop) == {1: state, 2: state, 3: state, 4: after.value}, "an exit step cancels nothing"
    assert result.refused == {
        "it has expired; --even-expired sends it all the same": 1,
        "the user has left the playbook": 2,
    }
    make = {"send-again": send_again, "resend": resend}[name]
    assert do(shop, make(NOON, even_expired=True), Chosen((1,))).changed == {"queued": 1}
    expiries = dict(shop.rows("SELECT id, expires_at FROM action WHERE id IN (1, 4)"))
    assert expiries == {1: NOON + EXTENSION, 4: DRAFT.expires_at}


def test_a_grant_is_not_released_because_nobody_sends_it(shop: Deliveries) -> None:
    shop.users(2)
    shop.due_actions(1, kind="coupon", channel=None, coupon="GIFT", state="held")
    shop.due_actions(1, first=2, coupon="GIFT", state="held")
    shop.mark_actions("held", "coupon_pool_empty")
    result = do(shop, RELEASE)
    assert states(shop) == {1: "held", 2: "queued"}
    assert list(result.refused.values()) == [1]
    shop.drain(Provider())
    assert shop.states() == {"held:coupon_pool_empty": 2}, "the gate holds it again"


# --- undo ------------------------------------------------------------------------------------------------------------


def undo(shop: Deliveries, intervention: int | None, limit: int = 100) -> int:
    assert intervention is not None
    with shop.database.write() as connection:
        by = record(connection, ANN, "undo", "it", Instant(NOON + 1))
        counted = count_untouched(connection, intervention)
        undone = put_back(connection, intervention, by, Instant(NOON + 1), limit)
        assert undone == min(counted, limit)
        return undone


@pytest.mark.parametrize("name", WORKS)
def test_what_nothing_happened_to_since_goes_back(shop: Deliveries, name: str) -> None:
    work, before, after = WORKS[name]
    shop.users(3)
    shop.due_actions(3)
    shop.execute("UPDATE action_event SET state = :state, reason = 'why'", state=before.value)
    shop.mark_actions(before.value, "why")
    result = do(shop, work)
    shop.execute(
        "INSERT INTO action_event (action_id, at, state, reason, detail) VALUES (2, 0, 'claimed', 'claimed', '')"
    )
    shop.execute("UPDATE action SET state = 'claimed' WHERE id = 2")
    assert undo(shop, result.intervention, limit=1) == 1
    assert undo(shop, result.intervention) == 1
    assert undo(shop, result.intervention) == 0
    assert shop.rows("SELECT state, reason FROM action ORDER BY id") == [
        (before.value, "why"),
        ("claimed", work.wish.reason.value),
        (before.value, "why"),
    ]
    assert shop.history(1) == [before.value, after.value, before.value]


def test_a_second_decision_after_an_undo_counts(shop: Deliveries) -> None:
    shop.users(1)
    shop.due_actions(1)
    shop.execute("UPDATE action_event SET state = 'unknown', reason = 'no_answer'")
    shop.mark_actions("unknown", "no_answer")
    undo(shop, do(shop, NOT_SENT).intervention)
    assert do(shop, SENT).changed == {"accepted": 1}
    assert shop.history(1) == ["unknown", "failed", "unknown", "accepted"]


def refuse(_: Message) -> Answer:
    return Answer(Outcome.REJECTED, "content_refused", "no", "")


def test_failed_messages_are_sent_once_mended(shop: Deliveries) -> None:
    shop.users(2)
    shop.due_actions(2)
    shop.drain(Provider(script=refuse))
    assert shop.states() == {"failed:content_refused": 2}
    assert do(shop, resend(NOON, even_expired=False), Chosen(wanted=ActionFilter(reason="content_refused"))).count == 2
    shop.at(NOON + DAY)
    provider = Provider()
    shop.drain(provider)
    assert sorted(provider.recipients) == ["u1@example.com", "u2@example.com"]
    assert shop.states() == {"accepted:accepted": 2}
