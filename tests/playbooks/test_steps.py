"""What happens to those enrolled: steps, waits, branches, exits, coupons."""

import pytest

from engine.pipeline import Progress
from tests.playbooks.files import apply, playbook, send
from tests.world import World, day, number


def enter(world: World, key: str = "a", at: float = 1, amount: int | None = None) -> int:
    """Let a user come and order, and tick."""
    user = world.user(key, at)
    world.event(key, "order_completed", at, amount)
    world.tick(at)
    return user


def stopped_before_the_steps(world: World, at: float) -> None:
    """Live a tick that the process does not survive: users were enrolled, and nobody took a step."""

    def stop(done: Progress) -> None:
        if done.enrolments:
            raise KeyboardInterrupt

    world.clock.move_to(day(at))
    with pytest.raises(KeyboardInterrupt):
        world.app.tick(world.content(), day(at), stop)


def test_a_send_makes_an_action_with_all_that_delivery_needs(world: World) -> None:
    apply(world, playbook(steps=send("mail", 'between = "09:00-20:00"'), rest=""))
    user = enter(world)
    columns = (
        "user_id, playbook, kind, class, priority, channel, next_channels, template, send_window, coupon, state, reason,"
        " due_at, expires_at, attempt, tries, created_at"
    )
    assert world.actions(columns) == [
        (
            user,
            "hello",
            "message",
            "marketing",
            50,
            "push",
            "email",
            "hello/mail",
            "09:00-20:00",
            None,
            "queued",
            "due",
            day(1),
            day(8),
            1,
            0,
            day(1),
        )
    ]


def test_a_wait_counts_from_the_step_before_it_not_from_the_tick(world: World) -> None:
    apply(world, playbook(steps=send("one") + '[[step]]\nwait = "3d"\n' + send("two")))
    world.user("a")
    world.order("a", 1)
    world.tick(1 + 5 / 24)
    world.tick(3.999)
    assert [row[1] for row in world.actions()] == ["one"]
    world.tick(4)
    assert [row[1] for row in world.actions()] == ["one", "two"]
    assert world.enrolments("state, reason, ended_at") == [("finished", "completed", day(4))]


def test_after_a_standstill_messages_do_not_come_all_at_once(world: World) -> None:
    wait = '[[step]]\nwait = "2d"\n'
    apply(world, playbook(steps=send("one") + wait + send("two") + wait + send("three")))
    enter(world)
    for moment in (20, 20.999, 21):
        world.tick(moment)
    assert world.actions("step, created_at") == [("one", day(1)), ("two", day(20)), ("three", day(21))]


def test_a_wait_until_ends_at_the_users_own_hour(world: World) -> None:
    apply(world, playbook(steps='[[step]]\nwait_until = "09:00"\n' + send("mail")))
    zones = {None: "2026-05-18T09:00+00:00", "Asia/Tokyo": "2026-05-18T09:00+09:00", "Mars/X": "2026-05-18T09:00+00:00"}
    noon = number("2026-05-17T12:00")
    for zone in zones:
        world.user(str(zone), timezone=zone)
        world.order(str(zone), noon)
    world.tick(noon)
    assert world.enrolments("due_at") == [(day(number(end)),) for end in zones.values()]


@pytest.mark.parametrize(("ordered", "due"), [("08:30", "09:00"), ("09:00", "09:00")])
def test_a_wait_until_at_or_before_the_hour_ends_the_same_day(world: World, ordered: str, due: str) -> None:
    apply(world, playbook(steps='[[step]]\nwait_until = "09:00"\n' + send("mail")))
    world.user("a")
    world.order("a", number(f"2026-05-17T{ordered}"))
    world.tick(number("2026-05-17T09:50"))
    assert world.enrolments("due_at, state") == [(day(number(f"2026-05-17T{due}")), "finished")]


def test_a_wait_until_whose_hour_was_missed_by_far_takes_the_next_day(world: World) -> None:
    apply(world, playbook(steps='[[step]]\nwait_until = "09:00"\n' + send("mail")))
    world.user("a")
    world.order("a", number("2026-05-17T08:00"))
    world.tick(number("2026-05-17T23:00"))
    assert world.enrolments("due_at, state") == [(day(number("2026-05-18T09:00")), "active")]


WAIT_FOR = (
    '[[step]]\nid = "look"\nwait_for = "review_posted"\ntimeout = "5d"\notherwise = "remind"\n'
    + send("thanks")
    + '[[step]]\nexit = "reviewed"\n'
    + send("remind")
)


def test_a_wait_for_an_event_goes_on_when_it_comes(world: World) -> None:
    apply(world, playbook(steps=WAIT_FOR))
    enter(world)
    assert world.enrolments("step, due_at, waiting_since") == [(0, day(6), day(1))]
    world.event("a", "review_posted", 2)
    world.event("a", "review_posted", 9)
    world.tick(2)
    assert world.enrolments("state, reason") == [("exited", "reviewed")]
    assert [row[1] for row in world.actions()] == ["thanks"]


def test_a_wait_for_an_event_times_out(world: World) -> None:
    """Neither an event of before nor another one ends it."""
    apply(world, playbook(steps=WAIT_FOR))
    enter(world)
    world.event("a", "review_posted", 0.5)
    world.event("a", "signed_up", 2)
    world.tick(6)
    assert [row[1] for row in world.actions()] == ["remind"]
    assert world.enrolments("state") == [("finished",)]


def test_an_event_that_came_before_a_late_tick_is_not_waited_for(world: World) -> None:
    apply(world, playbook(steps=WAIT_FOR))
    world.user("a")
    world.order("a", 1)
    world.event("a", "review_posted", 1.5)
    world.tick(2)
    assert [row[1] for row in world.actions()] == ["thanks"]


def test_a_branch_takes_the_first_arm_that_holds(world: World) -> None:
    branch = (
        '[[step]]\nbranch = [{ when = "spend > 500", to = "best" }, { when = "spend > 100", to = "good" }]\n'
        'otherwise = "plain"\n'
    )
    leave = '[[step]]\nexit = "done"\n'
    apply(world, playbook(steps=branch + send("best") + leave + send("good") + leave + send("plain")))
    users = [enter(world, str(spend), amount=spend) for spend in (60_000, 20_000, None)]
    assert world.actions("user_id, step") == [(users[0], "best"), (users[1], "good"), (users[2], "plain")]
    assert world.enrolments("reason") == [("done",), ("done",), ("completed",)]


def test_a_step_whose_condition_does_not_hold_is_passed_over(world: World) -> None:
    apply(world, playbook(steps=send("rich", 'when = "spend > 100"') + send("all")))
    users = [enter(world, str(spend), amount=spend) for spend in (20_000, 5_000, None)]
    assert world.actions("user_id, step") == [(users[0], "rich"), *((user, "all") for user in users)]


def test_an_exit_event_ends_and_cancels_what_was_not_sent(world: World) -> None:
    steps = send("one") + send("two") + send("three") + '[[step]]\nwait = "9d"'
    apply(world, playbook(steps=steps, rest='[exit]\nevent = "order_completed"'))
    enter(world)
    world.mark_actions("claimed", where="step = 'two'")
    world.mark_actions("deferred", where="step = 'three'")
    world.order("a", 2)
    world.tick(1.999)
    assert world.enrolments("state") == [("active",)]
    world.tick(2)
    first = world.enrolments("state, reason, ended_at")[0]
    assert first == ("exited", "exit_event", day(2))
    assert world.actions("step, state, reason")[:3] == [
        ("one", "cancelled", "enrolment_exited"),
        ("two", "claimed", "due"),
        ("three", "cancelled", "enrolment_exited"),
    ]
    assert world.rows("SELECT count(*) FROM action_event WHERE state = 'cancelled' AND at = :at", at=day(2)) == [(2,)]


def test_an_exit_calls_off_the_last_message_too(world: World) -> None:
    """Whoever bought during the quiet hours is not asked in the morning to buy."""
    apply(world, playbook(steps=send("only"), rest='[exit]\nevent = "review_posted"'))
    enter(world)
    assert world.enrolments("state") == [("finished",)]
    world.mark_actions("deferred")
    world.event("a", "review_posted", 1.5)
    world.tick(2)
    assert world.enrolments("state, reason") == [("exited", "exit_event")]
    assert world.actions("step, state, reason") == [("only", "cancelled", "enrolment_exited")]


def test_an_exit_after_all_messages_left_changes_nothing(world: World) -> None:
    apply(world, playbook(steps=send("only"), rest='[exit]\nevent = "review_posted"'))
    enter(world)
    world.mark_actions("accepted")
    world.event("a", "review_posted", 1.5)
    world.tick(2)
    assert world.enrolments("state, reason") == [("finished", "completed")]


def test_an_exit_condition_ends(world: World) -> None:
    rest = "[exit]\nwhen = \"lifecycle = 'at_risk'\""
    apply(world, playbook(steps='[[step]]\nwait = "90d"', rest=rest))
    enter(world)
    world.tick(61)
    assert world.enrolments("state") == [("active",)]
    world.tick(62)
    assert world.enrolments("state, reason, ended_at") == [("exited", "exit_condition", day(62))]


def test_an_enrolment_that_comes_too_late_to_its_first_step_expires(world: World) -> None:
    apply(world, playbook(expires="2d", steps=send("one") + '[[step]]\nwait = "9d"\n' + send("two")))
    user = world.user("a")
    world.order("a", 1)
    stopped_before_the_steps(world, 1)
    assert [row[2] for row in world.enrolments()] == ["active"]
    world.tick(3)
    assert world.enrolments() == [(user, "event:1", "expired", "trigger_expired")]
    assert world.actions() == []


def test_expires_counts_for_later_messages_from_their_own_time(world: World) -> None:
    apply(world, playbook(expires="2d", steps=send("one") + '[[step]]\nwait = "9d"\n' + send("two")))
    enter(world)
    world.tick(10)
    assert world.actions("step, expires_at") == [("one", day(3)), ("two", day(12))]


def test_chunks_are_as_small_as_asked(world: World) -> None:
    world.configure(schedule={"enrolment_chunk": 3})
    apply(world, playbook())
    keys = "abcdefg"
    users = [world.user(key) for key in keys]
    for key in keys:
        world.order(key, 1)
    seen: list[Progress] = []
    world.app.tick(world.content(), day(1), seen.append)
    assert list(dict.fromkeys(done.actions for done in seen if done.actions)) == [3, 6, 7]
    assert sorted(row[0] for row in world.actions()) == users


# Versions.


def test_who_entered_stays_with_the_version_they_entered(world: World) -> None:
    apply(world, playbook(steps='[[step]]\nwait = "2d"\n' + send("old")))
    first = enter(world, "a")
    apply(world, playbook(steps='[[step]]\nwait = "2d"\n' + send("new")), at=1)
    second = enter(world, "b", 1.5)
    world.tick(4)
    assert sorted(world.actions("user_id, step")) == [(first, "old"), (second, "new")]
    assert len({row[0] for row in world.enrolments("version")}) == 2


@pytest.mark.parametrize("texts", ['{"p.toml": "[playbook"}', None])
def test_a_version_that_cannot_be_read_is_cancelled_and_said(world: World, texts: str | None) -> None:
    apply(world, playbook(steps=send("one") + '[[step]]\nwait = "2d"\n' + send("two")))
    enter(world)
    apply(world, playbook(steps=send("three")), at=2)
    world.lose_versions(texts)
    world.close()
    world.tick(4)
    assert world.enrolments("state, reason") == [("cancelled", "version_unreadable")]
    assert world.actions("step, state, reason") == [("one", "cancelled", "version_unreadable")]
