"""Codes of a pool go back when their message ends unsent and nothing with them can have reached the user."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapters.base import Answer, Outcome
from engine.actions.ledger import cancel_unsent
from engine.actions.put_back import put_back
from engine.actions.reasons import LedgerReason
from engine.clock import DAY, HOUR, NEVER, Instant
from engine.control.actions_by_hand import Chosen, HandResult, HandWork, carry_out
from engine.control.interventions import Hand
from engine.control.resolving import NOT_SENT, SENT, resend, send_again
from tests.deliveries import NOON, Deliveries
from tests.playbooks.files import apply, playbook
from tests.provider import Provider
from tests.world import World

POOL = '[coupons.GIFT]\nkind = "pool"\nvalid = "30d"\n'
MAIL = '[[step]]\nid = "mail"\nsend = ["email"]\ntemplate = "hello/mail"\ncoupon = "GIFT"\n'
AGREED = {"email": True}


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    """A playbook that sends one email with a code, and a pool of two."""
    world = World(tmp_path / "maison", database_url)
    apply(world, playbook(steps=MAIL), coupons=POOL)
    world.write("templates/hello/mail.email.j2", EMAIL)
    world.tick(0.5)
    world.codes("ONE", "TWO", expires=90)
    yield world
    world.close()


EMAIL = (
    "{% block subject %}Hello{% endblock %}{% block html %}<p>{{ coupon.code }}</p>"
    '<a href="{{ unsubscribe_url }}">Unsubscribe</a>{% endblock %}'
)


def test_codes_of_those_who_get_no_mail_go_to_those_who_do(world: World) -> None:
    """Case 4: a pool of two, four customers: one refused, one has no address, two agreed."""
    for key, email, consents in (
        ("refused", "refused@example.com", {"email": False}),
        ("nowhere", None, AGREED),
        ("ann", "ann@example.com", AGREED),
        ("bob", "bob@example.com", AGREED),
    ):
        world.user(key, 1, email=email, consents=consents)
        world.order(key, 1)
    world.tick(1, deliver=True)
    assert world.states() == {
        "suppressed:opted_out": 1,
        "suppressed:address_missing": 1,
        "held:coupon_pool_empty": 2,
    }
    world.tick(1.1, deliver=True)
    sent = {str(mail["To"]): mail.get_body(("html",)).get_content() for mail in world.mail()}  # type: ignore[attr-defined]
    assert sent.keys() == {"ann@example.com", "bob@example.com"}
    assert ["ONE" in sent["ann@example.com"], "TWO" in sent["bob@example.com"]] == [True, True]
    assert world.rows("SELECT count(*) FROM returning_code") == [(0,)]


# --- one end at a time -----------------------------------------------------------------------------------------------

OWN = NOON + 20 * DAY
"""When the codes expire by themselves; claimed, they are good for 30 days at most."""


def tick(shop: Deliveries, after: int = 0) -> None:
    shop.at(NOON + after)
    shop.app.tick(shop.loaded, Instant(NOON + after))


def with_codes(shop: Deliveries, number: int = 1) -> Deliveries:
    """Give as many messages a code each, through the pool, as a tick does; there is one user more."""
    shop.users(number + 1)
    shop.due_actions(number, state="held", coupon="GIFT")
    shop.mark_actions("held", "coupon_pool_empty")
    for code in range(1, number + 1):
        shop.execute("INSERT INTO coupon_code (coupon, code, expires_at) VALUES ('GIFT', :code, :own)",
                     code=f"C{code}", own=OWN)  # fmt: skip
    tick(shop)
    assert holders(shop) == {f"C{code}": code for code in range(1, number + 1)}
    return shop


def holders(shop: Deliveries) -> dict[str, int | None]:
    """Return each code with the user who has it."""
    return dict(shop.rows("SELECT code, user_id FROM coupon_code ORDER BY id"))


def do(shop: Deliveries, work: HandWork) -> HandResult:
    return carry_out(shop.database, work, Chosen(), Hand("ann"), now=shop.clock.now())


def answer(outcome: Outcome, reason: str = "") -> Provider:
    return Provider(script=lambda _: Answer(outcome, reason, "", ""))


def suppress(shop: Deliveries) -> None:
    shop.execute("INSERT INTO suppression (channel, address, reason, at) VALUES ('email', 'u1@example.com', 'b', 0)")
    shop.drain(Provider())


def fail(shop: Deliveries) -> None:
    shop.drain(answer(Outcome.REJECTED, "content_refused"))


def exhaust(shop: Deliveries) -> None:
    shop.drain(answer(Outcome.RETRY, "busy"), tries=1)


def expire(shop: Deliveries) -> None:
    shop.execute("UPDATE action SET expires_at = :now", now=NOON)
    shop.drain(Provider())


def outlive_the_code(shop: Deliveries) -> None:
    shop.execute("UPDATE coupon_code SET expires_at = :now", now=NOON)
    shop.drain(Provider())


def leave(shop: Deliveries) -> None:
    shop.enrol(1, state="exited", reason="exit_event")
    shop.drain(Provider())


def cancel(shop: Deliveries) -> None:
    with shop.database.write() as connection:
        assert cancel_unsent(connection, "SELECT 1", LedgerReason.ENROLMENT_EXITED, NOON) == 1


def lose_and_deny(shop: Deliveries) -> None:
    shop.drain(answer(Outcome.UNKNOWN, "no_answer"))
    do(shop, NOT_SENT)


@pytest.mark.parametrize(
    "end",
    [suppress, fail, exhaust, expire, outlive_the_code, leave, cancel, lose_and_deny],
    ids=lambda end: end.__name__,
)
def test_a_code_goes_back_with_its_own_date(shop: Deliveries, end: Callable[[Deliveries], None]) -> None:
    with_codes(shop)
    end(shop)
    assert holders(shop) == {"C1": 1}, "not before the next tick"
    tick(shop, HOUR)
    found = shop.rows("SELECT code, user_id, enrolment_id, claimed_at, expires_at, own_expires_at FROM coupon_code")
    assert found == [("C1", None, None, None, OWN, None)]
    shop.due_actions(1, first=2, state="held", coupon="GIFT")
    shop.mark_actions("held", "coupon_pool_empty", where="id = 2")
    tick(shop, 2 * HOUR)
    assert holders(shop) == {"C1": 2}, "and is given to who comes next"


def lose(shop: Deliveries) -> None:
    shop.drain(answer(Outcome.UNKNOWN, "no_answer"))


def accept(shop: Deliveries) -> None:
    shop.drain(Provider())


def lose_send_again_and_fail(shop: Deliveries) -> None:
    lose(shop)
    do(shop, send_again(NOON, even_expired=False))
    fail(shop)


def lose_by_policy_and_fail(shop: Deliveries) -> None:
    shop.drain(answer(Outcome.UNKNOWN, "no_answer"), unknown="resend")
    shop.execute("UPDATE action SET due_at = :now", now=NOON)
    fail(shop)


def lose_and_affirm(shop: Deliveries) -> None:
    lose(shop)
    do(shop, SENT)


def deny_and_take_back(shop: Deliveries) -> None:
    lose(shop)
    denied = do(shop, NOT_SENT).intervention
    with shop.database.write() as connection:
        assert put_back(connection, denied or 0, 99, NOON, 100) == 1


def refuse_one_channel(shop: Deliveries) -> None:
    shop.execute("UPDATE action SET next_channels = 'sms'")
    shop.execute("UPDATE users SET phone = '+12025550123', email = NULL")
    busy = Provider(channel="sms", name="texts", script=lambda _: Answer(Outcome.RETRY, "busy", "", ""))
    shop.drain(Provider(), busy)
    assert shop.rows("SELECT state FROM action ORDER BY id") == [("suppressed",), ("retrying",)]


@pytest.mark.parametrize(
    "course",
    [lose, accept, lose_send_again_and_fail, lose_by_policy_and_fail, lose_and_affirm, deny_and_take_back, refuse_one_channel],
    ids=lambda course: course.__name__,
)  # fmt: skip
def test_a_code_that_may_have_been_seen_or_is_still_to_be_stays(
    shop: Deliveries, course: Callable[[Deliveries], None]
) -> None:
    with_codes(shop)
    course(shop)
    tick(shop, HOUR)
    assert holders(shop) == {"C1": 1}
    assert shop.rows("SELECT count(*) FROM returning_code") == [(0,)], "it has been looked at, all the same"


def test_the_last_channel_frees_the_code(shop: Deliveries) -> None:
    with_codes(shop)
    shop.execute("UPDATE action SET next_channels = 'sms'")
    suppress(shop)  # and nobody delivers texts
    assert {state for (state,) in shop.rows("SELECT state FROM action")} == {"suppressed"}
    tick(shop, HOUR)
    assert holders(shop) == {"C1": None}


@pytest.mark.parametrize(("other", "holder"), [("accepted", 1), ("queued", 1), ("unknown", 1), ("failed", None)])
def test_another_message_of_the_enrolment_keeps_the_code(shop: Deliveries, other: str, holder: int | None) -> None:
    with_codes(shop)
    shop.due_actions(1, step_id="again", coupon="GIFT", state=other, at=NOON + DAY)
    fail(shop)
    tick(shop, HOUR)
    assert holders(shop) == {"C1": holder}


def test_sent_after_all_a_message_gets_another_code_or_waits_for_one(shop: Deliveries) -> None:
    with_codes(shop, 2)
    fail(shop)
    tick(shop, HOUR)
    assert holders(shop) == {"C1": None, "C2": None}
    shop.execute("DELETE FROM coupon_code WHERE code = 'C2'")
    result = do(shop, resend(shop.clock.now(), even_expired=False))
    assert result.changed == {"held": 2}
    tick(shop, 2 * HOUR)
    assert shop.states() == {"queued:coupon_pool_filled": 1, "held:coupon_pool_empty": 1}
    assert holders(shop) == {"C1": 1}


def test_sent_after_all_before_its_code_went_back_a_message_keeps_it(shop: Deliveries) -> None:
    with_codes(shop)
    fail(shop)
    assert do(shop, resend(NOON, even_expired=False)).changed == {"queued": 1}
    tick(shop, HOUR)
    assert (shop.states(), holders(shop)) == ({"queued:resent": 1}, {"C1": 1})


def test_what_was_denied_is_not_unknown_again_once_its_code_went_back(shop: Deliveries) -> None:
    with_codes(shop)
    lose(shop)
    denied = do(shop, NOT_SENT).intervention
    tick(shop, HOUR)
    with shop.database.write() as connection:
        assert put_back(connection, denied or 0, 99, NOON, 100) == 0
    assert shop.states() == {"failed:resolved_not_sent": 1}


def test_a_code_without_a_date_has_none_again(shop: Deliveries) -> None:
    shop.execute("INSERT INTO coupon_code (coupon, code) VALUES ('GIFT', 'FREE')")
    shop.users(1)
    shop.due_actions(1, state="held", coupon="GIFT")
    shop.mark_actions("held", "coupon_pool_empty")
    tick(shop)
    assert shop.rows("SELECT expires_at, own_expires_at FROM coupon_code") == [(NOON + 30 * DAY, NEVER)]
    fail(shop)
    tick(shop, HOUR)
    assert shop.rows("SELECT expires_at, own_expires_at, user_id FROM coupon_code") == [(None, None, None)]


def test_codes_of_a_series_stay_with_their_enrolment(shop: Deliveries) -> None:
    shop.users(1)
    shop.due_actions(1, state="held", coupon="SERIES")
    shop.mark_actions("held", "coupon_pool_empty")
    tick(shop)
    [(code,)] = shop.rows("SELECT code FROM coupon_code")
    fail(shop)
    tick(shop, HOUR)
    assert holders(shop) == {code: 1}
