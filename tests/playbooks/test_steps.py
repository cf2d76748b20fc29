"""What happens to those enrolled: steps, waits, branches, exits, coupons."""

import pytest

from engine.clock import HOUR, MINUTE
from tests.playbooks.shop import Shop, at, day, playbook

SEND = '[[step]]\nid = "{id}"\nsend = ["push", "email"]\ntemplate = "hello/{id}"\n{more}\n'


def send(step: str, more: str = "") -> str:
    return SEND.format(id=step, more=more)


def enter(shop: Shop, key: str = "a", moment: int | None = None, **state: object) -> int:
    """Make a user, let them order, and tick."""
    user = shop.user(key, **state)  # type: ignore[arg-type]
    when = day(1) if moment is None else moment
    shop.event(user, "order_completed", when)
    shop.tick(when, [user])
    return user


def test_a_send_makes_an_action_with_all_that_delivery_needs(shop: Shop) -> None:
    shop.apply(playbook(steps=send("mail", 'between = "09:00-20:00"'), rest=""))
    user = enter(shop)
    columns = (
        "user_id, playbook, kind, class, priority, channel, next_channels, template, send_window, coupon, state, reason,"
        " due_at, expires_at, attempt, tries, created_at"
    )
    assert shop.actions(columns) == [
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


def test_a_wait_counts_from_the_step_before_it_not_from_the_tick(shop: Shop) -> None:
    shop.apply(playbook(steps=send("one") + '[[step]]\nwait = "3d"\n' + send("two")))
    user = shop.user("a")
    shop.event(user, "order_completed", day(1))
    shop.tick(day(1) + 5 * HOUR)
    shop.tick(day(4) - 1)
    assert [row[1] for row in shop.actions()] == ["one"]
    shop.tick(day(4))
    assert [row[1] for row in shop.actions()] == ["one", "two"]
    assert shop.enrolments("state, reason, ended_at") == [("finished", "completed", day(4))]


def test_after_a_standstill_messages_do_not_come_all_at_once(shop: Shop) -> None:
    wait = '[[step]]\nwait = "2d"\n'
    shop.apply(playbook(steps=send("one") + wait + send("two") + wait + send("three")))
    enter(shop)
    for moment in (day(20), day(21) - 1, day(21)):
        shop.tick(moment)
    assert shop.actions("step, created_at") == [("one", day(1)), ("two", day(20)), ("three", day(21))]


def test_a_wait_until_ends_at_the_users_own_hour(shop: Shop) -> None:
    shop.apply(playbook(steps='[[step]]\nwait_until = "09:00"\n' + send("mail")))
    zones = {None: "2026-05-18T09:00+00:00", "Asia/Tokyo": "2026-05-18T09:00+09:00", "Mars/X": "2026-05-18T09:00+00:00"}
    for zone in zones:
        user = shop.user(str(zone), zone=zone)
        shop.event(user, "order_completed", at("2026-05-17T12:00"))
    shop.tick(at("2026-05-17T12:00"))
    assert shop.enrolments("due_at") == [(at(end),) for end in zones.values()]


@pytest.mark.parametrize(("hour", "minutes", "due"), [(8, 30, "2026-05-17T09:00"), (9, 0, "2026-05-17T09:00")])
def test_a_wait_until_at_or_before_the_hour_ends_the_same_day(shop: Shop, hour: int, minutes: int, due: str) -> None:
    shop.apply(playbook(steps='[[step]]\nwait_until = "09:00"\n' + send("mail")))
    user = shop.user("a")
    shop.event(user, "order_completed", at("2026-05-17T00:00") + hour * HOUR + minutes * MINUTE)
    shop.tick(at("2026-05-17T09:50"))
    assert shop.enrolments("due_at, state") == [(at(due), "finished")]


def test_a_wait_until_whose_hour_was_missed_by_far_takes_the_next_day(shop: Shop) -> None:
    shop.apply(playbook(steps='[[step]]\nwait_until = "09:00"\n' + send("mail")))
    user = shop.user("a")
    shop.event(user, "order_completed", at("2026-05-17T08:00"))
    shop.tick(at("2026-05-17T23:00"))
    assert shop.enrolments("due_at, state") == [(at("2026-05-18T09:00"), "active")]


WAIT_FOR = (
    '[[step]]\nid = "look"\nwait_for = "review_posted"\ntimeout = "5d"\notherwise = "remind"\n'
    + send("thanks")
    + '[[step]]\nexit = "reviewed"\n'
    + send("remind")
)


def test_a_wait_for_an_event_goes_on_when_it_comes(shop: Shop) -> None:
    shop.apply(playbook(steps=WAIT_FOR))
    user = enter(shop)
    assert shop.enrolments("step, due_at, waiting_since") == [(0, day(6), day(1))]
    shop.event(user, "review_posted", day(2))
    shop.event(user, "review_posted", day(9))
    shop.tick(day(2))
    assert shop.enrolments("state, reason") == [("exited", "reviewed")]
    assert [row[1] for row in shop.actions()] == ["thanks"]


def test_a_wait_for_an_event_times_out(shop: Shop) -> None:
    shop.apply(playbook(steps=WAIT_FOR))
    user = enter(shop)
    shop.event(user, "review_posted", day(0.5))
    shop.event(user, "order_completed", day(2), key="other")
    shop.run("DELETE FROM event WHERE key = 'other'")
    shop.tick(day(6))
    assert [row[1] for row in shop.actions()] == ["remind"]
    assert shop.enrolments("state") == [("finished",)]


def test_an_event_that_came_before_a_late_tick_is_not_waited_for(shop: Shop) -> None:
    shop.apply(playbook(steps=WAIT_FOR))
    user = shop.user("a")
    shop.event(user, "order_completed", day(1))
    shop.event(user, "review_posted", day(1.5))
    shop.tick(day(2))
    assert [row[1] for row in shop.actions()] == ["thanks"]


def test_a_branch_takes_the_first_arm_that_holds(shop: Shop) -> None:
    branch = (
        '[[step]]\nbranch = [{ when = "spend > 500", to = "best" }, { when = "spend > 100", to = "good" }]\n'
        'otherwise = "plain"\n'
    )
    leave = '[[step]]\nexit = "done"\n'
    shop.apply(playbook(steps=branch + send("best") + leave + send("good") + leave + send("plain")))
    users = [enter(shop, str(spend), spend=spend) for spend in (60_000, 20_000, None)]
    assert shop.actions("user_id, step") == [(users[0], "best"), (users[1], "good"), (users[2], "plain")]
    assert shop.enrolments("reason") == [("done",), ("done",), ("completed",)]


def test_a_step_whose_condition_does_not_hold_is_passed_over(shop: Shop) -> None:
    shop.apply(playbook(steps=send("rich", 'when = "spend > 100"') + send("all")))
    users = [enter(shop, str(spend), spend=spend) for spend in (20_000, 5_000, None)]
    assert shop.actions("user_id, step") == [(users[0], "rich"), *((user, "all") for user in users)]


def test_an_exit_event_ends_and_cancels_what_was_not_sent(shop: Shop) -> None:
    steps = send("one") + send("two") + send("three") + '[[step]]\nwait = "9d"'
    shop.apply(playbook(steps=steps, rest='[exit]\nevent = "order_completed"'))
    user = enter(shop)
    shop.run("UPDATE action SET state = 'claimed' WHERE step = 'two'")
    shop.run("UPDATE action SET state = 'deferred' WHERE step = 'three'")
    shop.event(user, "order_completed", day(2))
    shop.tick(day(2) - 1)
    assert shop.enrolments("state") == [("active",)]
    shop.tick(day(2))
    first = shop.enrolments("state, reason, ended_at")[0]
    assert first == ("exited", "exit_event", day(2))
    assert shop.actions("step, state, reason")[:3] == [
        ("one", "cancelled", "enrolment_exited"),
        ("two", "claimed", "due"),
        ("three", "cancelled", "enrolment_exited"),
    ]
    assert shop.rows("SELECT count(*) FROM action_event WHERE state = 'cancelled' AND at = :at", at=day(2)) == [(2,)]


def test_an_exit_calls_off_the_last_message_too(shop: Shop) -> None:
    """Whoever bought during the quiet hours is not asked in the morning to buy."""
    shop.apply(playbook(steps=send("only"), rest='[exit]\nevent = "review_posted"'))
    user = enter(shop)
    assert shop.enrolments("state") == [("finished",)]
    shop.run("UPDATE action SET state = 'deferred'")
    shop.event(user, "review_posted", day(1.5))
    shop.tick(day(2))
    assert shop.enrolments("state, reason") == [("exited", "exit_event")]
    assert shop.actions("step, state, reason") == [("only", "cancelled", "enrolment_exited")]


def test_an_exit_after_all_messages_left_changes_nothing(shop: Shop) -> None:
    shop.apply(playbook(steps=send("only"), rest='[exit]\nevent = "review_posted"'))
    user = enter(shop)
    shop.run("UPDATE action SET state = 'accepted'")
    shop.event(user, "review_posted", day(1.5))
    shop.tick(day(2))
    assert shop.enrolments("state, reason") == [("finished", "completed")]


def test_an_exit_condition_ends(shop: Shop) -> None:
    rest = "[exit]\nwhen = \"lifecycle = 'at_risk'\""
    shop.apply(playbook(steps='[[step]]\nwait = "9d"', rest=rest))
    user = enter(shop)
    shop.state(user, lifecycle="at_risk")
    shop.tick(day(2))
    assert shop.enrolments("state, reason") == [("exited", "exit_condition")]


def test_an_enrolment_that_comes_too_late_to_its_first_step_expires(shop: Shop) -> None:
    shop.apply(playbook(expires="2d", steps=send("one") + '[[step]]\nwait = "9d"\n' + send("two")))
    user = shop.user("a")
    shop.event(user, "order_completed", day(1))
    with shop.database.write() as connection:
        shop.due(connection)
        shop.enrol.run(connection, day(1))
    shop.go_on(day(3))
    assert shop.enrolments() == [(user, "event:1", "expired", "trigger_expired")]
    assert shop.actions() == []


def test_expires_counts_for_later_messages_from_their_own_time(shop: Shop) -> None:
    shop.apply(playbook(expires="2d", steps=send("one") + '[[step]]\nwait = "9d"\n' + send("two")))
    enter(shop)
    shop.tick(day(10))
    assert shop.actions("step, expires_at") == [("one", day(3)), ("two", day(12))]


def test_chunks_are_as_small_as_asked(shop: Shop) -> None:
    shop.apply(playbook())
    users = [shop.user(str(number)) for number in range(7)]
    for user in users:
        shop.event(user, "order_completed", day(1))
    with shop.database.write() as connection:
        shop.due(connection)
        assert shop.enrol.run(connection, day(1)) == 7
    for expected in (3, 3, 1, 0):
        with shop.database.write() as connection:
            assert shop.advance.run(connection, day(1), 3).passed == expected
    assert [row[0] for row in shop.actions()] == users


# Versions.


def test_who_entered_stays_with_the_version_they_entered(shop: Shop) -> None:
    shop.apply(playbook(steps='[[step]]\nwait = "2d"\n' + send("old")))
    first = enter(shop, "a")
    shop.apply(playbook(steps='[[step]]\nwait = "2d"\n' + send("new")), at=day(1))
    second = enter(shop, "b", day(1.5))
    shop.tick(day(4))
    assert sorted(shop.actions("user_id, step")) == [(first, "old"), (second, "new")]
    assert len({row[0] for row in shop.enrolments("version")}) == 2


@pytest.mark.parametrize("loss", ['UPDATE version SET files = \'{"p.toml": "[playbook"}\'', "DELETE FROM version"])
def test_a_version_that_cannot_be_read_is_cancelled_and_said(shop: Shop, loss: str) -> None:
    shop.apply(playbook(steps=send("one") + '[[step]]\nwait = "2d"\n' + send("two")))
    enter(shop)
    shop.apply()
    shop.run(loss)
    shop.tick(day(4))
    assert shop.enrolments("state, reason") == [("cancelled", "version_unreadable")]
    assert shop.actions("step, state, reason") == [("one", "cancelled", "version_unreadable")]
