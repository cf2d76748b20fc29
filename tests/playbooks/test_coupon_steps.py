"""Coupons in playbooks: pools, series, grants."""

import pytest
from sqlalchemy import Connection, text

from engine.incentives.coupons import ALPHABET, derive_code
from engine.incentives.form import CouponSection
from engine.store.secrets import installation_secret
from tests.playbooks.files import apply, playbook, send
from tests.playbooks.test_steps import enter
from tests.world import World, day

ELSE = '[coupons.ELSE]\nkind = "pool"\n'
POOL = ELSE + '[coupons.GIFT]\nkind = "pool"\nvalid = "30d"\n'
SERIES = ELSE + '[coupons.GIFT]\nkind = "series"\nprefix = "HI-"\nvalid = "30d"\n'
MADE = CouponSection.model_validate({"kind": "series", "prefix": "HI-", "valid": "30d"})


def secret(world: World) -> bytes:
    """What codes are made from."""
    return installation_secret(world.app.database, "coupons", day(0)).encode()


def test_a_pool_gives_its_lowest_codes_that_are_still_good(world: World) -> None:
    apply(world, playbook(steps=send("mail", 'coupon = "GIFT"')), coupons=POOL)
    world.codes("TOO-OLD", expires=1)
    world.codes("SOON", expires=5)
    world.codes("OTHER", coupon="ELSE")
    world.codes("LATER")
    users = [enter(world, key) for key in "ab"]
    assert world.rows("SELECT code, user_id, expires_at FROM coupon_code WHERE user_id > 0 ORDER BY id") == [
        ("SOON", users[0], day(5)),
        ("LATER", users[1], day(31)),
    ]
    assert {row[2:] for row in world.actions()} == {("queued", "due")}


def test_an_empty_pool_holds_the_message_until_there_are_codes(world: World) -> None:
    apply(world, playbook(steps=send("mail", 'coupon = "GIFT"')), coupons=POOL)
    users = [enter(world, key) for key in "abc"]
    assert {row[2:] for row in world.actions()} == {("held", "coupon_pool_empty")}
    world.codes("ONE", "TWO")
    world.tick(2)
    assert world.actions("user_id, state, reason, due_at") == [
        (users[0], "queued", "coupon_pool_filled", day(2)),
        (users[1], "queued", "coupon_pool_filled", day(2)),
        (users[2], "held", "coupon_pool_empty", day(1)),
    ]
    world.tick(8)
    assert world.actions("state, reason")[2] == ("expired", "expired_without_coupon")
    log = world.rows("SELECT state FROM action_event WHERE action_id = (SELECT max(id) FROM action) ORDER BY id")
    assert log == [("held",), ("expired",)]


def test_newcomers_do_not_overtake_those_who_wait_for_codes(world: World) -> None:
    apply(world, playbook(steps=send("mail", 'coupon = "GIFT"')), coupons=POOL)
    waiting = enter(world, "a")
    world.codes("ONE")
    enter(world, "b", 2)
    assert world.rows("SELECT code, user_id FROM coupon_code") == [("ONE", waiting)]


def test_one_enrolment_carries_one_code_in_all_its_messages(world: World) -> None:
    steps = send("mail", 'coupon = "GIFT"') + '[[step]]\nwait = "2d"\n' + send("again", 'coupon = "GIFT"')
    apply(world, playbook(steps=steps), coupons=POOL)
    world.codes("ONE", "TWO")
    enter(world)
    world.tick(4)
    assert [row[1:3] for row in world.actions()] == [("mail", "queued"), ("again", "queued")]
    assert world.rows("SELECT count(*) FROM coupon_code WHERE enrolment_id > 0") == [(1,)]


def test_a_series_makes_codes_that_differ_and_can_be_made_again(world: World) -> None:
    apply(world, playbook(steps=send("mail", 'coupon = "GIFT"')), coupons=SERIES)
    users = [enter(world, key) for key in "ab"]
    rows = world.rows("SELECT code, enrolment_id, user_id, expires_at FROM coupon_code ORDER BY id")
    assert rows == [
        (derive_code(secret(world), "GIFT", MADE, number), number, user, day(31))
        for number, user in enumerate(users, 1)
    ]
    for code, *_ in rows:
        assert code.startswith("HI-")
        assert len(code) == 11
        assert set(code[3:]) <= set(ALPHABET)


def test_a_code_that_is_taken_is_made_anew(world: World) -> None:
    apply(world, playbook(steps=send("mail", 'coupon = "GIFT"')), coupons=SERIES)
    world.codes(derive_code(secret(world), "GIFT", MADE, 1), coupon="ELSE")
    enter(world)
    found = world.rows("SELECT code FROM coupon_code WHERE enrolment_id = 1")
    assert found == [(derive_code(secret(world), "GIFT", MADE, 1, attempt=1),)]


GRANT = '[[step]]\nid = "gift"\ncoupon = "GIFT"\n' + send("mail")


def test_a_grant_is_an_action_of_its_own(world: World) -> None:
    apply(world, playbook(steps=GRANT), coupons=POOL)
    world.codes("ONE")
    enter(world)
    assert world.actions("step, kind, channel, state, reason") == [
        ("gift", "coupon", None, "accepted", "granted"),
        ("mail", "message", "push", "queued", "due"),
    ]


def test_a_grant_without_a_code_stays_until_there_is_one(world: World) -> None:
    apply(world, playbook(steps=GRANT), coupons=POOL)
    enter(world)
    world.tick(3)
    assert world.actions("step, state, reason") == [("gift", "held", "coupon_pool_empty")]
    assert world.enrolments("step, state") == [(0, "active")]
    world.codes("ONE")
    world.tick(4)
    assert world.actions("step, state, reason") == [("gift", "accepted", "granted"), ("mail", "queued", "due")]
    assert world.enrolments("state") == [("finished",)]


def test_a_grant_that_expires_lets_the_enrolment_go_on(world: World) -> None:
    apply(world, playbook(steps=GRANT), coupons=POOL)
    enter(world)
    world.tick(8)
    assert world.actions("step, state, reason") == [
        ("gift", "expired", "expired_without_coupon"),
        ("mail", "queued", "due"),
    ]


def test_a_crash_before_the_commit_leaves_nothing(world: World) -> None:
    apply(world, playbook(steps=send("mail", 'coupon = "GIFT"')), coupons=POOL)
    world.codes("ONE")
    world.order("a", 1)

    def crash(connection: Connection) -> None:
        if connection.execute(text("SELECT count(*) FROM action")).scalar_one() == 1:
            raise KeyboardInterrupt

    world.scripted().committing = crash
    with pytest.raises(KeyboardInterrupt):
        world.tick(1)
    world.close()
    assert [row[2] for row in world.enrolments()] == ["active"]
    assert world.actions() == []
    assert world.rows("SELECT count(*) FROM coupon_code WHERE enrolment_id > 0") == [(0,)]
    world.tick(2)
    assert [row[2] for row in world.actions()] == ["queued"]
