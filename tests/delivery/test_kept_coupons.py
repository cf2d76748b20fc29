"""A coupon that is deleted while users who entered earlier still get it is given to them as it was last."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.maison import COUPONS, WELCOME
from tests.world import World, day

WITHOUT = WELCOME.replace('coupon = "SERIES"', "")
NONE_LEFT = '[coupons.OTHER]\nkind = "series"\n'
GIFT = "templates/welcome/gift.email.j2"


@pytest.fixture
def shop(tmp_path: Path, database_url: str) -> Iterator[World]:
    """Ann has signed up, and gets a gift with a code on day 3."""
    made = World(tmp_path / "maison", database_url, {"playbooks/thanks.toml": None}).open()
    sign_up(made, "ann", 1)
    yield made
    made.close()


def sign_up(shop: World, key: str, at: float) -> None:
    shop.user(key, at, consents={"email/marketing": True})
    shop.event(key, "signed_up", at)
    shop.tick(at, deliver=True)


def deleted(shop: World) -> None:
    """Nobody who signs up from now on gets a coupon, and there is none."""
    shop.write("playbooks/welcome.toml", WITHOUT)
    shop.write("playbooks/coupons.toml", NONE_LEFT)
    shop.write(
        GIFT,
        (shop.folder / GIFT).read_text().replace("{{ coupon.worth }}", "{{ coupon.worth if coupon else 'Nothing' }}"),
    )
    shop.write(
        GIFT,
        (shop.folder / GIFT).read_text().replace("{{ coupon.code }}", "{{ coupon.code if coupon else 'Nothing' }}"),
    )


def gifts(shop: World) -> dict[str, str]:
    found = [(str(mail["To"]).partition("@")[0], str(mail["Subject"])) for mail in shop.mail()]
    return {key: subject for key, subject in found if subject.endswith(" for you")}


def test_who_entered_earlier_gets_a_code_of_a_series_that_is_gone(shop: World) -> None:
    deleted(shop)
    sign_up(shop, "bob", 1.5)
    shop.tick(3, deliver=True)
    assert gifts(shop) == {"ann": "5 for you"}
    shop.tick(3.5, deliver=True)
    assert gifts(shop) == {"ann": "5 for you", "bob": "Nothing for you"}
    assert shop.rows("SELECT coupon FROM coupon_code") == [("SERIES",)]


def test_a_message_that_waits_while_its_coupon_is_deleted_says_what_its_code_is_worth(shop: World) -> None:
    shop.tick(3)
    deleted(shop)
    shop.tick(3.1, deliver=True)
    assert gifts(shop) == {"ann": "5 for you"}


def test_an_edited_coupon_is_given_in_its_edited_form_and_so_is_the_last_form_of_one_that_is_gone(shop: World) -> None:
    shop.write("playbooks/coupons.toml", COUPONS.replace('worth = "5"', 'worth = "6"\nprefix = "SIX-"'))
    shop.tick(1.2)
    deleted(shop)
    shop.tick(3, deliver=True)
    assert gifts(shop) == {"ann": "6 for you"}
    [(code,)] = shop.rows("SELECT code FROM coupon_code")
    assert code.startswith("SIX-")


def test_codes_of_a_pool_that_is_gone_are_given_as_long_as_there_are_any(shop: World) -> None:
    shop.write("playbooks/welcome.toml", WELCOME.replace("SERIES", "GIFT"))
    sign_up(shop, "bob", 1.1)
    sign_up(shop, "cyd", 1.2)
    shop.codes("ONE")
    deleted(shop)
    shop.tick(3.3, deliver=True)
    assert shop.rows("SELECT code, coupon, expires_at FROM coupon_code WHERE coupon = 'GIFT'") == [
        ("ONE", "GIFT", day(33.3))
    ]
    assert gifts(shop) == {"ann": "5 for you", "bob": "10% for you"}
    assert "held:coupon_pool_empty" in shop.states()


def test_without_any_stored_version_messages_wait_for_a_code_until_they_expire(shop: World) -> None:
    deleted(shop)
    shop.tick(1.5)
    shop.execute("DELETE FROM version WHERE kind = 'content'")
    shop.close()
    shop.tick(3, deliver=True)
    assert shop.states() == {"accepted:accepted": 1, "held:coupon_pool_empty": 1}
