"""Coupons in playbooks: pools, series, grants."""

import pytest
from sqlalchemy import text

from engine.clock import DAY, Instant
from engine.incentives.coupons import ALPHABET, derive_code
from engine.incentives.form import CouponSection
from tests.playbooks.shop import SECRET, Shop, day, playbook
from tests.playbooks.test_steps import enter, send

POOL = '[coupons.GIFT]\nkind = "pool"\nvalid = "30d"\n'
SERIES = '[coupons.GIFT]\nkind = "series"\nprefix = "HI-"\nvalid = "30d"\n'


def codes(shop: Shop, *names: str, coupon: str = "GIFT", expires: int | None = None) -> None:
    for name in names:
        shop.run(
            "INSERT INTO coupon_code (coupon, code, expires_at) VALUES (:coupon, :code, :expires)",
            coupon=coupon,
            code=name,
            expires=expires,
        )


def test_a_pool_gives_its_lowest_codes_that_are_still_good(shop: Shop) -> None:
    shop.apply(playbook(steps=send("mail", 'coupon = "GIFT"')), coupons=POOL)
    codes(shop, "TOO-OLD", expires=day(1))
    codes(shop, "SOON", expires=day(5))
    codes(shop, "OTHER", coupon="ELSE")
    codes(shop, "LATER")
    users = [enter(shop, key) for key in "ab"]
    assert shop.rows("SELECT code, user_id, expires_at FROM coupon_code WHERE user_id > 0 ORDER BY id") == [
        ("SOON", users[0], day(5)),
        ("LATER", users[1], day(31)),
    ]
    assert {row[2:] for row in shop.actions()} == {("queued", "due")}


def test_an_empty_pool_holds_the_message_until_there_are_codes(shop: Shop) -> None:
    shop.apply(playbook(steps=send("mail", 'coupon = "GIFT"')), coupons=POOL)
    users = [enter(shop, key) for key in "abc"]
    assert {row[2:] for row in shop.actions()} == {("held", "coupon_pool_empty")}
    codes(shop, "ONE", "TWO")
    shop.tick(day(2))
    assert shop.actions("user_id, state, reason, due_at") == [
        (users[0], "queued", "coupon_pool_filled", day(2)),
        (users[1], "queued", "coupon_pool_filled", day(2)),
        (users[2], "held", "coupon_pool_empty", day(1)),
    ]
    shop.tick(day(8))
    assert shop.actions("state, reason")[2] == ("expired", "expired_without_coupon")
    log = shop.rows("SELECT state FROM action_event WHERE action_id = (SELECT max(id) FROM action) ORDER BY id")
    assert log == [("held",), ("expired",)]


def test_newcomers_do_not_overtake_those_who_wait_for_codes(shop: Shop) -> None:
    shop.apply(playbook(steps=send("mail", 'coupon = "GIFT"')), coupons=POOL)
    waiting = enter(shop, "a")
    codes(shop, "ONE")
    enter(shop, "b", day(2))
    assert shop.rows("SELECT code, user_id FROM coupon_code") == [("ONE", waiting)]


def test_one_enrolment_carries_one_code_in_all_its_messages(shop: Shop) -> None:
    steps = send("mail", 'coupon = "GIFT"') + '[[step]]\nwait = "2d"\n' + send("again", 'coupon = "GIFT"')
    shop.apply(playbook(steps=steps), coupons=POOL)
    codes(shop, "ONE", "TWO")
    enter(shop)
    shop.tick(day(4))
    assert [row[1:3] for row in shop.actions()] == [("mail", "queued"), ("again", "queued")]
    assert shop.rows("SELECT count(*) FROM coupon_code WHERE enrolment_id > 0") == [(1,)]


def test_a_series_makes_codes_that_differ_and_can_be_made_again(shop: Shop) -> None:
    shop.apply(playbook(steps=send("mail", 'coupon = "GIFT"')), coupons=SERIES)
    users = [enter(shop, key) for key in "ab"]
    rows = shop.rows("SELECT code, enrolment_id, user_id, expires_at FROM coupon_code ORDER BY id")
    section = CouponSection.model_validate({"kind": "series", "prefix": "HI-", "valid": "30d"})
    assert rows == [
        (derive_code(SECRET, "GIFT", section, number), number, user, day(31)) for number, user in enumerate(users, 1)
    ]
    for code, *_ in rows:
        assert code.startswith("HI-")
        assert len(code) == 11
        assert set(code[3:]) <= set(ALPHABET)


def test_a_code_that_is_taken_is_made_anew(shop: Shop) -> None:
    shop.apply(playbook(steps=send("mail", 'coupon = "GIFT"')), coupons=SERIES)
    section = CouponSection.model_validate({"kind": "series", "prefix": "HI-", "valid": "30d"})
    codes(shop, derive_code(SECRET, "GIFT", section, 1), coupon="ELSE")
    enter(shop)
    found = shop.rows("SELECT code FROM coupon_code WHERE enrolment_id = 1")
    assert found == [(derive_code(SECRET, "GIFT", section, 1, attempt=1),)]


GRANT = '[[step]]\nid = "gift"\ncoupon = "GIFT"\n' + send("mail")


def test_a_grant_is_an_action_of_its_own(shop: Shop) -> None:
    shop.apply(playbook(steps=GRANT), coupons=POOL)
    codes(shop, "ONE")
    enter(shop)
    assert shop.actions("step, kind, channel, state, reason") == [
        ("gift", "coupon", None, "accepted", "granted"),
        ("mail", "message", "push", "queued", "due"),
    ]


def test_a_grant_without_a_code_stays_until_there_is_one(shop: Shop) -> None:
    shop.apply(playbook(steps=GRANT), coupons=POOL)
    enter(shop)
    shop.tick(day(3))
    assert shop.actions("step, state, reason") == [("gift", "held", "coupon_pool_empty")]
    assert shop.enrolments("step, state") == [(0, "active")]
    codes(shop, "ONE")
    shop.tick(day(4))
    assert shop.actions("step, state, reason") == [("gift", "accepted", "granted"), ("mail", "queued", "due")]
    assert shop.enrolments("state") == [("finished",)]


def test_a_grant_that_expires_lets_the_enrolment_go_on(shop: Shop) -> None:
    shop.apply(playbook(steps=GRANT), coupons=POOL)
    enter(shop)
    shop.tick(day(8))
    assert shop.actions("step, state, reason") == [
        ("gift", "expired", "expired_without_coupon"),
        ("mail", "queued", "due"),
    ]


def crash(shop: Shop) -> None:
    """Advance, and stop before the commit."""
    with shop.database.write() as connection:
        assert shop.advance.run(connection, day(1), 10).passed == 1
        assert connection.execute(text("SELECT count(*) FROM action")).scalar_one() == 1
        raise KeyboardInterrupt


def test_a_crash_before_the_commit_leaves_nothing(shop: Shop) -> None:
    shop.apply(playbook(steps=send("mail", 'coupon = "GIFT"')), coupons=POOL)
    codes(shop, "ONE")
    user = shop.user("a")
    shop.event(user, "order_completed", day(1))
    with shop.database.write() as connection:
        shop.due(connection)
        shop.enrol.run(connection, day(1))
    with pytest.raises(KeyboardInterrupt):
        crash(shop)
    assert shop.actions() == []
    assert shop.rows("SELECT count(*) FROM coupon_code WHERE enrolment_id > 0") == [(0,)]
    shop.go_on(Instant(day(1) + DAY))
    assert [row[2] for row in shop.actions()] == ["queued"]
