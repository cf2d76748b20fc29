"""A step may send on all of its channels, and a user's preferred channel comes first among those of `send`."""

import pytest

from tests.maison import COUPONS
from tests.playbooks.files import apply, playbook
from tests.playbooks.test_steps import enter
from tests.world import World

MADE = "attempt, channel, next_channels, state, reason"
ALL = '[[step]]\nid = "mail"\nsend_all = ["email", "sms", "push"]\ntemplate = "hello/mail"\n'
FIRST = '[[step]]\nid = "mail"\nsend = ["push", "sms", "email"]\ntemplate = "hello/mail"\n'
CAPTURED = {name: {"adapters": ["capture"]} for name in ("email", "sms", "push")}


# --- all channels ----------------------------------------------------------------------------------------------------


def test_send_all_makes_an_action_for_each_channel_and_none_stands_in_for_another(world: World) -> None:
    world.configure(channels=CAPTURED)
    apply(world, playbook(steps=ALL))
    assert [one for one in world.findings() if one.severity == "error"] == []
    world.user("a", 1, phone="+4930901820", consents={"email": False})
    world.device("a", "old", at=0)
    world.device("a", "new", at=0.5)
    world.event("a", "order_completed", 1)
    done = world.tick(1)
    assert done.actions == 3
    assert world.actions(MADE) == [
        (1, "email", "", "queued", "due"),
        (2, "sms", "", "queued", "due"),
        (3, "push", "", "queued", "due"),
    ]
    world.deliver()
    assert world.actions(MADE) == [
        (1, "email", "", "suppressed", "opted_out"),
        (2, "sms", "", "accepted", "accepted"),
        (3, "push", "", "accepted", "accepted"),
        (4, "push", "", "accepted", "accepted"),
    ]
    assert len({one.stem for one in world.mailbox.rglob("*.json")}) == 3


def test_a_tick_that_is_repeated_makes_none_twice(world: World) -> None:
    apply(world, playbook(steps=ALL))
    enter(world)
    world.execute("UPDATE enrolment SET step = 0, state = 'active', ended_at = NULL, reason = NULL")
    world.tick(1.1)
    assert [row[0] for row in world.actions("attempt")] == [1, 2, 3]
    [(events,)] = world.rows("SELECT count(*) FROM action_event")
    assert events == 3


def test_all_wait_for_one_code_and_carry_it(world: World) -> None:
    steps = ALL.replace("send_all", 'coupon = "GIFT"\nsend_all')
    apply(world, playbook(steps=steps), coupons=COUPONS)
    enter(world)
    assert {row[3:] for row in world.actions(MADE)} == {("held", "coupon_pool_empty")}
    world.codes("ONE", "TWO")
    world.tick(1.1)
    assert {row[3] for row in world.actions(MADE)} == {"queued"}
    assert world.rows("SELECT count(*) FROM coupon_code WHERE enrolment_id IS NOT NULL") == [(1,)]


def test_a_template_that_lacks_one_of_the_channels_is_found_at_its_key(world: World) -> None:
    world.configure(channels=CAPTURED)
    apply(world, playbook(steps=ALL))
    world.remove("templates/hello/mail.sms.j2")
    [found] = [one for one in world.findings() if "sms" in one.message]
    assert found.message == "`hello/mail` has no sms message: write templates/hello/mail.sms.j2"
    line = world.folder.joinpath("playbooks/p0.toml").read_text("utf-8").splitlines()[(found.line or 0) - 1]
    assert line.startswith("send_all")


# --- the preferred channel -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("preferred", "made"),
    [
        (None, ("push", "sms,email", "due")),
        ("push", ("push", "sms,email", "due")),
        ("sms", ("sms", "push,email", "preferred_channel")),
        ("Email", ("email", "push,sms", "preferred_channel")),
        ("pigeon", ("push", "sms,email", "due")),
        (7, ("push", "sms,email", "due")),
    ],
)
def test_the_preferred_channel_is_tried_first_and_the_log_says_why(
    world: World, preferred: str | int | None, made: tuple[str, str, str]
) -> None:
    apply(world, playbook(steps=FIRST))
    world.user("a", 1, preferred_channel=preferred)
    world.event("a", "order_completed", 1)
    world.tick(1)
    assert world.actions("channel, next_channels, reason") == [made]
    [[change]] = [one.history for one in world.explain("a", 1).actions]
    assert (change.reason, bool(change.sentence)) == (made[2], True)


def test_many_users_are_sorted_by_one_statement_and_the_others_follow_a_refusal(world: World) -> None:
    world.configure(channels=CAPTURED)
    apply(world, playbook(steps=FIRST))
    for key, preferred in (("a", "sms"), ("b", None), ("c", "email")):
        world.user(key, 1, preferred_channel=preferred)
        world.event(key, "order_completed", 1)
    world.tick(1, deliver=True)
    tried = world.rows(
        "SELECT u.key, a.attempt, a.channel, a.state FROM action AS a JOIN users AS u ON u.id = a.user_id"
        " ORDER BY u.key, a.attempt"
    )
    assert tried == [
        ("a", 1, "sms", "suppressed"),
        ("a", 2, "push", "suppressed"),
        ("a", 3, "email", "accepted"),
        ("b", 1, "push", "suppressed"),
        ("b", 2, "sms", "suppressed"),
        ("b", 3, "email", "accepted"),
        ("c", 1, "email", "accepted"),
    ]


def test_what_is_held_for_a_code_has_its_reason_and_its_channel(world: World) -> None:
    steps = FIRST.replace("send =", 'coupon = "GIFT"\nsend =')
    apply(world, playbook(steps=steps), coupons=COUPONS)
    world.user("a", 1, preferred_channel="email")
    world.event("a", "order_completed", 1)
    world.tick(1)
    assert world.actions("channel, next_channels, state, reason") == [
        ("email", "push,sms", "held", "coupon_pool_empty")
    ]


def test_one_channel_is_the_one_whatever_is_preferred(world: World) -> None:
    apply(world, playbook())
    world.user("a", 1, preferred_channel="sms")
    world.event("a", "order_completed", 1)
    world.tick(1)
    assert world.actions("channel, next_channels, reason") == [("email", "", "due")]
