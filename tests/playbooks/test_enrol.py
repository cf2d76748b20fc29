"""Who enters: every trigger but dates and schedules."""

import pytest

from engine.clock import DAY, Instant
from engine.pipeline import Progress
from engine.playbooks.triggers.transitions import CAUSES
from tests.playbooks.files import apply, playbook, sleeper
from tests.world import World, day

ENTER = 'enter = { lifecycle = "at_risk" }'
GERMAN = "[audience]\nwhen = \"language = 'de'\""


def moves(world: World, dimension: str = "lifecycle") -> list[str]:
    """The occurrences that the transitions of a dimension are."""
    found = world.rows("SELECT id FROM transition WHERE dimension = :dimension ORDER BY id", dimension=dimension)
    return [f"transition:{number}" for (number,) in found]


def test_a_transition_enrols_once(world: World) -> None:
    apply(world, playbook(trigger=ENTER), at=-70)
    user = sleeper(world)
    world.tick(1)
    world.close()
    world.tick(1)
    world.user("a", 2, language="de")
    world.tick(2)
    assert world.enrolments() == [(user, moves(world)[-1], "finished", "completed")]
    assert world.actions() == [(user, "mail", "queued", "due")]
    assert world.rows("SELECT state, reason FROM action_event") == [("queued", "due")]


@pytest.mark.parametrize("key", ["enter", "leave"])
@pytest.mark.parametrize(
    ("on", "enrolled"),
    [
        ("", {None, "behaviour", "time"}),
        ('on = ["rules", "scores"]', {"rules", "scores"}),
        ('on = ["behaviour"]', {None, "behaviour"}),
    ],
)
def test_only_the_causes_that_the_trigger_names_enrol(
    world: World, key: str, on: str, enrolled: set[str | None]
) -> None:
    """A transition without a cause is older than causes are, and counts as behaviour."""
    apply(world, playbook(trigger=f'{key} = {{ lifecycle = "at_risk" }}\n{on}'))
    before, after = ("active", "at_risk") if key == "enter" else ("at_risk", "active")
    users = {}
    for cause in (None, *CAUSES):
        users[world.user(str(cause))] = cause
        world.moved(str(cause), before, after, 1, cause)
    world.tick(1)
    assert {users[row[0]] for row in world.enrolments()} == enrolled


def test_another_place_or_dimension_does_not_enrol(world: World) -> None:
    apply(world, playbook(trigger=ENTER))
    world.user("a")
    world.order("a", 1, category="beauty")
    world.tick(1)
    placed = world.rows("SELECT to_place FROM transition ORDER BY to_place")
    assert placed == [("active",), ("beauty",), ("low",)]
    assert world.enrolments() == []


def test_a_stop_after_a_chunk_of_users_leaves_the_others_for_the_next_tick(world: World) -> None:
    world.configure(schedule={"chunk": 100})
    apply(world, playbook())
    for user in range(130):
        world.order(f"u{user}", 1)

    def stop(done: Progress) -> None:
        raise KeyboardInterrupt(done.users)

    with pytest.raises(KeyboardInterrupt, match="100"):
        world.app.tick(world.content(), day(1), stop)
    assert len(world.enrolments()) == 100
    world.tick(1)
    assert len({user for user, *_ in world.enrolments()}) == len(world.enrolments()) == 130


def test_a_trigger_older_than_expires_is_too_old(world: World) -> None:
    """A transition is not considered until the user is in the audience; by then a week has passed."""
    apply(world, playbook(trigger=ENTER, rest=GERMAN), at=-70)
    sleeper(world)
    world.tick(1)
    world.user("a", 8, language="de")
    world.tick(8)
    assert world.enrolments() == []


@pytest.mark.parametrize(("applied_after", "count"), [(0, 1), (1, 0)])
def test_a_trigger_before_the_activation_does_not_count(world: World, applied_after: int, count: int) -> None:
    apply(world, at=-70)
    sleeper(world)
    world.tick(1)
    apply(world, playbook(trigger=ENTER), at=1 + applied_after / DAY)
    world.user("a", 2, language="de")
    world.tick(2)
    assert len(world.enrolments()) == count


def test_a_new_version_keeps_the_first_activation(world: World) -> None:
    apply(world, playbook(trigger=ENTER, rest=GERMAN), at=-70)
    sleeper(world)
    world.tick(1)
    world.user("a", 2, language="de")
    apply(world, playbook(trigger=ENTER, rest=GERMAN, expires="6d"), at=2)
    [running] = world.content().playbooks.playbooks
    assert world.enrolments("version") == [(running.version,)]


@pytest.mark.parametrize(("known_for", "count"), [(1, 1), (30, 0)])
def test_a_first_placement_enters_only_the_new(world: World, known_for: int, count: int) -> None:
    apply(world, playbook(trigger='enter = { lifecycle = "potential" }'))
    world.user("a", 100 - known_for)
    world.tick(100)
    assert len(world.enrolments()) == count


def test_a_first_placement_among_segments_enters_only_the_new(world: World) -> None:
    apply(world, playbook(trigger='enter = { needs = "beauty" }'))
    placed = world.user("b", 0, created_at=day(-400))
    world.tick(0)
    world.user("a", 1, created_at=day(-400))
    for key in "ab":
        world.order(key, 1, category="beauty")
    world.tick(1)
    assert [row[0] for row in world.enrolments()] == [placed]


def test_leaving_a_place_enrols(world: World) -> None:
    """The order of day -89 is too old for `active` after 60 days, for `beauty` after 90."""
    apply(
        world,
        playbook(trigger='leave = { lifecycle = "active" }'),
        playbook("seg", 'leave = { needs = "beauty" }'),
        at=-100,
    )
    world.user("a", -89)
    world.order("a", -89, category="beauty")
    world.tick(-89)
    world.tick(1)
    occurrences = [("hello", moves(world)[-1]), ("seg", moves(world, "needs")[-1])]
    assert sorted(world.enrolments("playbook, occurrence")) == occurrences


def test_who_moved_on_before_the_audience_fit_does_not_enter(world: World) -> None:
    apply(world, playbook(trigger=ENTER, rest=GERMAN), at=-70)
    sleeper(world)
    world.tick(1)
    world.order("a", 2)
    world.user("a", 2, language="de")
    world.tick(2)
    assert world.enrolments() == []


def test_an_audience_that_comes_to_fit_in_time_enters(world: World) -> None:
    apply(world, playbook(trigger=ENTER, rest=GERMAN), at=-70)
    sleeper(world)
    world.tick(1)
    assert world.enrolments() == []
    world.user("a", 2, language="de")
    world.tick(2)
    assert world.enrolments("occurrence, trigger_at, entered_at") == [(moves(world)[-1], day(1), day(2))]


def test_events_enrol_with_their_condition(world: World) -> None:
    apply(world, playbook(trigger='event = "order_completed"\nwhere = "amount >= 50"'))
    world.user("a")
    world.order("a", 1, 4_999)
    world.order("a", 1.1, 5_000)
    world.event("a", "review_posted", 1)
    world.order("a", 3, 9_000)
    world.tick(2)
    [(large,)] = world.rows("SELECT id FROM event WHERE amount = 5000")
    assert world.enrolments("occurrence, event_id") == [(f"event:{large}", large)]
    world.tick(3)
    assert len(world.enrolments()) == 2


def test_with_once_the_earliest_of_several_enters_and_no_other_ever(world: World) -> None:
    apply(world, playbook(reentry="once"))
    world.user("a")
    for hours in (3, 1, 2):
        world.order("a", 1 + hours / 24)
    world.tick(2)
    world.order("a", 2)
    world.tick(3)
    assert world.enrolments("trigger_at") == [(day(1 + 1 / 24),)]


def test_with_always_each_enters_beside_the_others(world: World) -> None:
    apply(world, playbook(steps='[[step]]\nwait = "30d"'))
    world.user("a")
    for hours in (3, 1, 2):
        world.order("a", 1 + hours / 24)
    world.tick(2)
    assert world.enrolments("trigger_at, state") == [(day(1 + n / 24), "active") for n in (1, 2, 3)]


def test_a_time_between_entries_counts_from_the_entry(world: World) -> None:
    apply(world, playbook(reentry="10d", expires="1d"))
    world.user("a")
    for days in (1, 9.5, 11, 30):
        world.order("a", days)
        world.tick(days)
    assert world.enrolments("trigger_at") == [(day(1),), (day(11),), (day(30),)]


def test_a_time_between_entries_never_puts_a_user_in_twice(world: World) -> None:
    apply(world, playbook(reentry="1d", steps='[[step]]\nwait = "60d"'))
    world.user("a")
    for days in (1, 5, 30):
        world.order("a", days)
        world.tick(days)
    assert len(world.enrolments()) == 1
    world.tick(61.5)
    world.order("a", 62)
    world.tick(62)
    assert world.enrolments("trigger_at") == [(day(1),), (day(62),)]


def test_a_condition_enrols_and_again_after_its_time(world: World) -> None:
    apply(world, playbook(trigger='when = "spend > 100"', reentry="10d"))
    user, poor = world.user("a"), world.user("b")
    world.order("a", 1, 10_001)
    world.order("b", 1, 10_000)
    for days in (1, 2, 11):
        world.tick(days)
    assert world.enrolments("user_id, occurrence, trigger_at") == [(user, "when:1", day(1)), (user, "when:2", day(11))]
    assert poor not in {row[0] for row in world.enrolments()}


def test_who_may_enter_again_later_is_due_then(world: World) -> None:
    """Unless something else is due before: an order of b's is a year old on day 5, and no longer counts."""
    apply(world, playbook(trigger='when = "spend > 100"', reentry="10d"), playbook("other", reentry="10d"), at=-400)
    for key in "abc":
        world.user(key, -400)
    world.order("b", 5 - 365)
    world.tick(5 - 365)
    for key in "ab":
        world.order(key, 1, 20_000)
    world.tick(1)
    world.order("c", 2, 20_000)
    world.tick(2)

    def due() -> list[Instant]:
        return [at for (at,) in world.rows("SELECT due_at FROM user_due ORDER BY user_id")]

    assert due() == [day(11), day(5), day(12)]
    world.tick(11)
    assert due()[0] == day(21)


def test_first_version_never_recorded_enrols_nobody(world: World) -> None:
    apply(world, playbook())
    world.lose_versions()
    world.user("a")
    world.order("a", 1)
    world.tick(2)
    assert world.enrolments() == []
