"""Who enters: every trigger but dates and schedules."""

import pytest

from engine.clock import DAY, HOUR
from engine.playbooks.triggers.transitions import CAUSES
from tests.playbooks.shop import Shop, day, playbook

ENTER = 'enter = { lifecycle = "at_risk" }'


def test_a_transition_enrols_once(shop: Shop) -> None:
    shop.apply(playbook(trigger=ENTER))
    user = shop.user("a")
    shop.move(user, "lifecycle", "active", "at_risk", day(1))
    shop.tick(day(1))
    shop.restart()
    shop.tick(day(1))
    shop.tick(day(2))
    assert shop.enrolments() == [(user, "transition:1", "finished", "completed")]
    assert shop.actions() == [(user, "mail", "queued", "due")]
    assert shop.rows("SELECT state, reason FROM action_event") == [("queued", "due")]


@pytest.mark.parametrize("key", ["enter", "leave"])
@pytest.mark.parametrize(
    ("on", "enrolled"),
    [
        ("", {None, "behaviour", "time"}),
        ('on = ["rules", "scores"]', {"rules", "scores"}),
        ('on = ["behaviour"]', {None, "behaviour"}),
    ],
)
def test_only_the_causes_that_the_trigger_names_enrol(shop: Shop, key: str, on: str, enrolled: set[str | None]) -> None:
    """A transition without a cause is older than causes are, and counts as behaviour."""
    shop.apply(playbook(trigger=f'{key} = {{ lifecycle = "at_risk" }}\n{on}'))
    before, after = ("active", "at_risk") if key == "enter" else ("at_risk", "active")
    users = {}
    for cause in (None, *CAUSES):
        users[shop.user(str(cause))] = cause
        shop.move(max(users), "lifecycle", before, after, day(1), cause)
    shop.tick(day(1))
    assert {users[row[0]] for row in shop.enrolments()} == enrolled


def test_another_place_or_dimension_does_not_enrol(shop: Shop) -> None:
    shop.apply(playbook(trigger=ENTER))
    user = shop.user("a")
    shop.move(user, "lifecycle", "at_risk", "active", day(1))
    shop.move(user, "needs", None, "basic", day(1))
    shop.tick(day(1))
    assert shop.enrolments() == []


def test_only_users_of_the_chunk_are_looked_at(shop: Shop) -> None:
    shop.apply(playbook(trigger=ENTER))
    users = [shop.user(key) for key in "ab"]
    for user in users:
        shop.move(user, "lifecycle", "active", "at_risk", day(1))
    shop.tick(day(1), users[:1])
    assert [row[0] for row in shop.enrolments()] == users[:1]


def test_a_trigger_older_than_expires_is_too_old(shop: Shop) -> None:
    shop.apply(playbook(trigger=ENTER))
    user = shop.user("a")
    shop.move(user, "lifecycle", "active", "at_risk", day(1))
    shop.tick(day(8))
    assert shop.enrolments() == []


@pytest.mark.parametrize(("applied_after", "count"), [(0, 1), (1, 0)])
def test_a_trigger_before_the_activation_does_not_count(shop: Shop, applied_after: int, count: int) -> None:
    shop.apply(playbook(trigger=ENTER), at=day(1) + applied_after)
    user = shop.user("a")
    shop.move(user, "lifecycle", "active", "at_risk", day(1))
    shop.tick(day(2))
    assert len(shop.enrolments()) == count


def test_a_new_version_keeps_the_first_activation(shop: Shop) -> None:
    shop.apply(playbook(trigger=ENTER), at=day(0))
    user = shop.user("a")
    shop.move(user, "lifecycle", "active", "at_risk", day(1))
    shop.apply(playbook(trigger=ENTER, expires="6d"), at=day(2))
    shop.tick(day(2))
    assert shop.enrolments("version") == [(shop.named().version,)]


@pytest.mark.parametrize(("known_for", "count"), [(1, 1), (30, 0)])
def test_a_first_placement_enters_only_the_new(shop: Shop, known_for: int, count: int) -> None:
    shop.apply(playbook(trigger='enter = { lifecycle = "potential" }'))
    user = shop.user("a", first_seen=day(100 - known_for))
    shop.move(user, "lifecycle", None, "potential", day(100))
    shop.tick(day(100))
    assert len(shop.enrolments()) == count


def test_a_first_placement_among_segments_enters_only_the_new(shop: Shop) -> None:
    shop.apply(playbook(trigger='enter = { needs = "basic" }'))
    users = [shop.user(key, needs="|basic|") for key in "ab"]
    shop.move(users[0], "needs", None, "basic", day(1))
    shop.move(users[1], "lifecycle", None, "potential", day(0))
    shop.move(users[1], "needs", None, "basic", day(1))
    shop.tick(day(1))
    assert [row[0] for row in shop.enrolments()] == users[1:]


def test_leaving_a_place_enrols(shop: Shop) -> None:
    shop.apply(playbook(trigger='leave = { lifecycle = "active" }'), playbook("seg", 'leave = { needs = "basic" }'))
    user = shop.user("a", needs="|")
    shop.move(user, "lifecycle", None, "active", day(0))
    shop.move(user, "lifecycle", "active", "at_risk", day(1))
    shop.move(user, "needs", "basic", None, day(1))
    shop.tick(day(1))
    assert shop.enrolments("playbook, occurrence") == [("hello", "transition:2"), ("seg", "transition:3")]


def test_who_moved_on_before_the_audience_fit_does_not_enter(shop: Shop) -> None:
    shop.apply(playbook(trigger=ENTER, rest="[audience]\nwhen = \"language = 'de'\""))
    user = shop.user("a")
    shop.move(user, "lifecycle", "active", "at_risk", day(1))
    shop.tick(day(1))
    shop.move(user, "lifecycle", "at_risk", "active", day(2))
    shop.state(user, language="de")
    shop.tick(day(2))
    assert shop.enrolments() == []


def test_an_audience_that_comes_to_fit_in_time_enters(shop: Shop) -> None:
    shop.apply(playbook(trigger=ENTER, rest="[audience]\nwhen = \"language = 'de'\""))
    user = shop.user("a")
    shop.move(user, "lifecycle", "active", "at_risk", day(1))
    shop.tick(day(1))
    assert shop.enrolments() == []
    shop.state(user, language="de")
    shop.tick(day(2))
    assert shop.enrolments("occurrence, trigger_at, entered_at") == [("transition:1", day(1), day(2))]


def test_events_enrol_with_their_condition(shop: Shop) -> None:
    shop.apply(playbook(trigger='event = "order_completed"\nwhere = "amount >= 50"'))
    user = shop.user("a")
    shop.event(user, "order_completed", day(1), amount=4_999)
    large = shop.event(user, "order_completed", day(1) + 1, amount=5_000)
    shop.event(user, "review_posted", day(1))
    shop.event(user, "order_completed", day(3), amount=9_000)
    shop.tick(day(2))
    assert shop.enrolments("occurrence, event_id") == [(f"event:{large}", large)]
    shop.tick(day(3))
    assert len(shop.enrolments()) == 2


def test_with_once_the_earliest_of_several_enters_and_no_other_ever(shop: Shop) -> None:
    shop.apply(playbook(reentry="once"))
    user = shop.user("a")
    for hours in (3, 1, 2):
        shop.event(user, "order_completed", day(1) + hours * HOUR)
    shop.tick(day(2))
    shop.event(user, "order_completed", day(2))
    shop.tick(day(3))
    assert shop.enrolments("trigger_at") == [(day(1) + HOUR,)]


def test_with_always_each_enters_beside_the_others(shop: Shop) -> None:
    shop.apply(playbook(steps='[[step]]\nwait = "30d"'))
    user = shop.user("a")
    for hours in (3, 1, 2):
        shop.event(user, "order_completed", day(1) + hours * HOUR)
    shop.tick(day(2))
    assert shop.enrolments("trigger_at, state") == [(day(1) + n * HOUR, "active") for n in (1, 2, 3)]


def test_a_time_between_entries_counts_from_the_entry(shop: Shop) -> None:
    shop.apply(playbook(reentry="10d", expires="1d"))
    user = shop.user("a")
    for days in (1, 9.5, 11, 30):
        shop.event(user, "order_completed", day(days))
        shop.tick(day(days))
    assert shop.enrolments("trigger_at") == [(day(1),), (day(11),), (day(30),)]


def test_a_time_between_entries_never_puts_a_user_in_twice(shop: Shop) -> None:
    shop.apply(playbook(reentry="1d", steps='[[step]]\nwait = "60d"'))
    user = shop.user("a")
    for days in (1, 5, 30):
        shop.event(user, "order_completed", day(days))
        shop.tick(day(days))
    assert len(shop.enrolments()) == 1
    shop.event(user, "order_completed", day(62))
    shop.tick(day(61.5))
    shop.tick(day(62))
    assert shop.enrolments("trigger_at") == [(day(1),), (day(62),)]


def test_a_condition_enrols_and_again_after_its_time(shop: Shop) -> None:
    shop.apply(playbook(trigger='when = "spend > 100"', reentry="10d"))
    user, poor = shop.user("a", spend=10_001), shop.user("b", spend=10_000)
    for days in (1, 2, 11):
        shop.tick(day(days))
    assert shop.enrolments("user_id, occurrence, trigger_at") == [(user, "when:1", day(1)), (user, "when:2", day(11))]
    assert poor not in {row[0] for row in shop.enrolments()}


def test_who_may_enter_again_later_is_due_then(shop: Shop) -> None:
    shop.apply(playbook(trigger='when = "spend > 100"', reentry="10d"), playbook("other", reentry="10d"))
    users = [shop.user(key, spend=20_000) for key in "abc"]
    shop.run("UPDATE user_state SET due_at = :never", never=day(400))
    shop.run("UPDATE user_state SET due_at = :soon WHERE user_id = :user", soon=day(5), user=users[1])
    shop.tick(day(1), users[:2])
    shop.event(users[2], "order_completed", day(2))
    shop.tick(day(2), users[2:])
    due = shop.rows("SELECT due_at FROM user_state ORDER BY user_id")
    assert due == [(day(11),), (day(5),), (day(12),)]
    shop.run("UPDATE user_state SET due_at = :never", never=day(400))
    shop.tick(day(11), users[:1])
    assert shop.rows("SELECT due_at FROM user_state WHERE user_id = :user", user=users[0]) == [(day(21),)]


def test_first_version_never_recorded_enrols_nobody(shop: Shop) -> None:
    shop.apply(playbook())
    shop.run("DELETE FROM version")
    user = shop.user("a")
    shop.event(user, "order_completed", day(1))
    shop.tick(day(1) + DAY)
    assert shop.enrolments() == []
