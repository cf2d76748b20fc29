"""What the ledger owes to whoever asks it to change actions, on both databases.

Each request moves the actions that are in certain states, and no others; each change is logged once; whoever asks again
changes nothing. Receipts, which need no lease, have a suite of their own.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
from sqlalchemy import Connection

from engine.actions import ledger
from engine.actions.claims import Claim, Claims
from engine.actions.ledger import InitialState
from engine.actions.moves import Move, Mover
from engine.actions.quarantined import retry_quarantined
from engine.actions.reasons import LedgerReason
from engine.actions.states import LEASED, WAITING, State
from engine.clock import HOUR, MINUTE, Instant
from engine.store.quarantine import BadRowFound, RowId, RowKind, quarantine
from tests.deliveries import DRAFT, NOON, Deliveries

LEASE = 5 * MINUTE
LATER = Instant(NOON + HOUR)
STATES = tuple(State)
NUMBER = {state: number for number, state in enumerate(STATES, start=1)}
"""The action that is in a state, where there is one in each."""
REASON = LedgerReason.ENROLMENT_EXITED
EVERYBODY = "SELECT id FROM action"


@pytest.fixture
def every(shop: Deliveries) -> Deliveries:
    """One action in each state; those that a worker has are leased, under fence 1."""
    shop.users(len(STATES))
    shop.due_actions(len(STATES))
    for state, number in NUMBER.items():
        shop.mark_actions(state.value, where=f"id = {number}")
        shop.execute("UPDATE action_event SET state = :state WHERE action_id = :id", state=state.value, id=number)
    leased = ", ".join(str(NUMBER[state]) for state in LEASED)
    shop.execute(f"UPDATE action SET fence = 1, lease_until = :until WHERE id IN ({leased})", until=NOON + LEASE)
    return shop


def states(shop: Deliveries) -> dict[int, str]:
    return dict(shop.rows("SELECT id, state FROM action"))


def all_rows(shop: Deliveries) -> list[tuple[object, ...]]:
    return [*shop.rows("SELECT * FROM action ORDER BY id"), *shop.rows("SELECT * FROM action_event ORDER BY id")]


def in_order(shop: Deliveries) -> None:
    """The newest change of each action is its state, and only who has a lease is leased."""
    newest = dict(shop.rows("SELECT action_id, state FROM action_event ORDER BY id"))
    assert newest == states(shop)
    leased = {number for (number,) in shop.rows("SELECT id FROM action WHERE lease_until IS NOT NULL")}
    assert leased == {number for number, state in states(shop).items() if state in set(LEASED)}


Request = Callable[[Connection], object]
REQUESTS: dict[str, tuple[Request, tuple[State, ...], State]] = {
    "cancel": (
        lambda connection: ledger.cancel_unsent(connection, EVERYBODY, REASON, LATER),
        (*WAITING, State.HELD),
        State.CANCELLED,
    ),
    "release": (lambda connection: ledger.release(connection, "1 = 1", REASON, LATER), (State.HELD,), State.QUEUED),
    "complete": (lambda connection: ledger.complete(connection, "1 = 1", REASON, LATER), (State.HELD,), State.ACCEPTED),
    "expire": (lambda connection: ledger.expire(connection, "1 = 1", REASON, LATER), (State.HELD,), State.EXPIRED),
    "queue again": (
        lambda connection: ledger.queue_again(connection, NUMBER.values(), REASON, LATER),
        (State.DEFERRED,),
        State.QUEUED,
    ),
}
"""What is asked for, about all actions; from which states it moves them, and where to."""


@pytest.mark.parametrize("asked", REQUESTS)
def test_a_request_moves_the_states_that_it_is_about_and_no_others(every: Deliveries, asked: str) -> None:
    request, moved, to = REQUESTS[asked]
    before, events = states(every), every.rows("SELECT count(*) FROM action_event")[0][0]
    with every.database.write() as connection:
        request(connection)
    expected = {number: to.value if STATES[number - 1] in moved else state for number, state in before.items()}
    assert states(every) == expected
    said = every.rows("SELECT action_id, at, state, reason FROM action_event ORDER BY id")[events:]
    assert sorted(said) == sorted((NUMBER[state], LATER, to.value, REASON.value) for state in moved)
    changed = every.rows("SELECT id, reason FROM action WHERE changed_at = :at ORDER BY id", at=LATER)
    assert changed == [(number, REASON.value) for number in sorted(NUMBER[state] for state in moved)]
    in_order(every)
    whole = all_rows(every)
    with every.database.write() as connection:
        request(connection)
    assert all_rows(every) == whole, "asked again, nothing is left to do"


@pytest.mark.parametrize("asked", ["release", "queue again"])
def test_what_is_queued_again_is_due_at_once(every: Deliveries, asked: str) -> None:
    request, (before,), _ = REQUESTS[asked]
    every.execute("UPDATE action SET due_at = :later", later=LATER + HOUR)
    with every.database.write() as connection:
        request(connection)
    assert every.rows("SELECT id FROM action WHERE due_at = :now", now=LATER) == [(NUMBER[before],)]


# --- creating --------------------------------------------------------------------------------------------------------


def test_a_step_makes_one_action_for_each_enrolment_however_often_it_is_taken(shop: Deliveries) -> None:
    shop.users(3)
    shop.due_actions(3)
    first = all_rows(shop)
    enrolments = "(SELECT id, id AS user_id, 0 AS due_at FROM users) AS d"
    queued = InitialState("'queued'", "'due'")
    with shop.database.write() as connection:
        assert ledger.create(connection, DRAFT, queued, enrolments, now=LATER, binds={}) == 0
    assert all_rows(shop) == first
    with shop.database.write() as connection:
        other = replace(DRAFT, step_id="reminder")
        assert ledger.create(connection, other, queued, enrolments, now=LATER, binds={}) == 3
    assert shop.rows("SELECT step, state, fence, tries, count(*) FROM action GROUP BY step, state, fence, tries"
                     " ORDER BY step") == [("offer", "queued", 0, 0, 3), ("reminder", "queued", 0, 0, 3)]  # fmt: skip
    in_order(shop)


# --- claiming --------------------------------------------------------------------------------------------------------


def claim(shop: Deliveries, at: int = NOON, limit: int = 100) -> list[Claim]:
    with shop.database.write() as connection:
        return Claims(shop.database.dialect, LEASE).take(connection, "email", at, limit)


def move(shop: Deliveries, *moves: Move, at: int = NOON) -> frozenset[int]:
    with shop.database.write() as connection:
        return Mover(shop.database.dialect).write(connection, moves, at)


def test_only_what_waits_is_claimed(every: Deliveries) -> None:
    claims = claim(every)
    assert {one.action_id for one in claims} == {NUMBER[state] for state in WAITING}
    assert {one.fence for one in claims} == {1}
    assert claim(every) == [], "it is claimed already"
    in_order(every)


def test_what_is_not_due_waits(shop: Deliveries) -> None:
    shop.users(2)
    shop.due_actions(2)
    shop.execute("UPDATE action SET due_at = due_at + 1 WHERE id = 2")
    assert [one.action_id for one in claim(shop)] == [1]
    assert [one.action_id for one in claim(shop, NOON + 1)] == [2]


def test_claims_come_by_urgency_and_then_by_age(shop: Deliveries) -> None:
    shop.users(6)
    shop.due_actions(2, priority=50)
    shop.due_actions(2, first=3, message_class="transactional", priority=10)
    shop.due_actions(2, first=5, priority=90)
    shop.execute("UPDATE action SET due_at = due_at - 1 WHERE id = 6")
    assert [one.action_id for one in claim(shop, limit=5)] == [3, 4, 6, 5, 1]
    assert [one.action_id for one in claim(shop)] == [2]


# --- moving ----------------------------------------------------------------------------------------------------------


def test_a_move_needs_the_lease_and_its_fence(every: Deliveries) -> None:
    """Whatever an action's state is: without a lease under that fence nothing is written."""
    before = all_rows(every)
    strange = [Move(number, fence, State.FAILED, "no_matter") for number in NUMBER.values() for fence in (0, 2)]
    unleased = [Move(NUMBER[state], 1, State.FAILED, "no_matter") for state in STATES if state not in LEASED]
    assert move(every, *strange) == move(every, *unleased) == frozenset()
    assert all_rows(every) == before
    leased = [NUMBER[state] for state in LEASED]
    assert move(every, *(Move(number, 1, State.FAILED, "no_matter") for number in leased)) == frozenset(leased)
    assert {states(every)[number] for number in leased} == {"failed"}
    in_order(every)


def test_nothing_moves_twice(shop: Deliveries) -> None:
    shop.users(1)
    shop.due_actions(1)
    [mine] = claim(shop)
    done = Move(mine.action_id, mine.fence, State.ACCEPTED, "accepted", tries=1)
    assert move(shop, done) == {1}
    after = all_rows(shop)
    assert move(shop, done) == frozenset()
    assert all_rows(shop) == after


def test_a_worker_that_is_late_changes_nothing(shop: Deliveries) -> None:
    """Its lease ran out, the action went back to the queue, and another has claimed it since."""
    shop.users(1)
    shop.due_actions(1)
    [late] = claim(shop)
    assert move(shop, Move(late.action_id, late.fence, State.QUEUED, "lease_ran_out")) == {1}
    [other] = claim(shop, LATER)
    assert other.fence > late.fence
    assert move(shop, Move(late.action_id, late.fence, State.ACCEPTED, "accepted"), at=LATER) == frozenset()
    assert states(shop) == {1: "claimed"}
    assert move(shop, Move(other.action_id, other.fence, State.ACCEPTED, "accepted"), at=LATER) == {1}
    assert shop.history(1) == ["queued", "claimed", "queued", "claimed", "accepted"]
    in_order(shop)


def test_the_next_channel_is_one_more_attempt_of_the_same_step(shop: Deliveries) -> None:
    shop.users(1)
    shop.due_actions(1)
    [mine] = claim(shop)
    refused = Move(1, mine.fence, State.SUPPRESSED, "no_consent", next_channel="sms", later_channels=("push",))
    assert move(shop, refused) == {1}
    assert shop.rows("SELECT id, attempt, channel, next_channels, state, reason FROM action ORDER BY id") == [
        (1, 1, "email", "", "suppressed", "no_consent"),
        (2, 2, "sms", "push", "queued", "next_channel"),
    ]
    in_order(shop)


def test_a_row_in_quarantine_is_queued_on_demand_and_once(shop: Deliveries) -> None:
    soon = Instant(NOON + MINUTE)
    shop.users(2)
    shop.due_actions(2)
    found = [BadRowFound(RowKind.ACTION, number, "compose", "render_failed", "") for number in (1, 2)]
    claims = claim(shop)
    with shop.database.write() as connection:
        again = quarantine(connection, found, NOON)
    moves: Iterable[Move] = (
        Move(one.action_id, one.fence, State.DEFERRED, "render_failed", due_at=again[one.action_id]) for one in claims
    )
    assert move(shop, *moves) == {1, 2}
    assert claim(shop) == [], "not before its time"
    for number in (1, 0):
        with shop.database.write() as connection:
            retry_quarantined(connection, soon, [RowId(RowKind.ACTION, 1)])
        in_order(shop)
        assert len(claim(shop, soon)) == number
    assert states(shop) == {1: "claimed", 2: "deferred"}
