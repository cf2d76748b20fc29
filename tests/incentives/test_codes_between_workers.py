"""Several workers, a person who sends failed messages again, and one pool: no code is shown to two users, none is lost."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from adapters.base import Answer, Message, Outcome
from engine.clock import DAY, Instant
from engine.control.actions_by_hand import Chosen, carry_out
from engine.control.interventions import Hand
from engine.control.resolving import NOT_SENT, resend
from engine.incentives.returning import MAY_HAVE_ARRIVED
from tests.deliveries import NOON, Deliveries
from tests.provider import ACCEPT, Provider

pytestmark = pytest.mark.bulk

USERS, CODES, ROUNDS = 60, 40, 3
REFUSED = Answer(Outcome.REJECTED, "content_refused", "", "")
LOST = Answer(Outcome.UNKNOWN, "no_answer", "", "")


def script(message: Message) -> Answer:
    """Refuse a third, lose a third, accept the others."""
    return (REFUSED, LOST, ACCEPT)[int(message.recipient.split("@")[0].removeprefix("u")) % 3]


def work(shop: Deliveries) -> None:
    for _ in range(ROUNDS):
        shop.app.tick(shop.loaded, Instant(NOON))
        shop.drain(Provider(script=script))


def decide(shop: Deliveries) -> None:
    for _ in range(ROUNDS):
        for one in (NOT_SENT, resend(NOON, even_expired=False)):
            carry_out(shop.database, one, Chosen(), Hand("ann"), now=NOON)


def test_no_code_is_shown_to_two_users_and_none_is_lost(shop: Deliveries) -> None:
    shop.users(USERS)
    shop.due_actions(USERS, state="held", coupon="GIFT")
    shop.mark_actions("held", "coupon_pool_empty")
    for code in range(CODES):
        shop.execute("INSERT INTO coupon_code (coupon, code, expires_at) VALUES ('GIFT', :code, :until)",
                     code=f"C{code}", until=NOON + 40 * DAY)  # fmt: skip
    shop.app.tick(shop.loaded, Instant(NOON))
    others = [shop.reopened() for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        jobs = [pool.submit(job, other) for job, other in zip((work, work, decide), others, strict=True)]
        for job in jobs:
            job.result()
    for other in others:
        with closing(other.app):
            pass
    shop.app.tick(shop.loaded, Instant(NOON))
    shown = shop.rows(
        "SELECT k.code, a.user_id FROM action AS a JOIN action_content AS k ON k.action_id = a.id"
        f" WHERE {MAY_HAVE_ARRIVED} ORDER BY k.code"
    )
    assert shown
    assert len({code for code, _ in shown}) == len(shown)
    assert shop.rows("SELECT count(*) FROM returning_code") == [(0,)]
    holders = dict(shop.rows("SELECT code, user_id FROM coupon_code WHERE user_id IS NOT NULL"))
    assert {code: user for code, user in shown if holders.get(code) != user} == {}
    needing = shop.rows("SELECT count(*) FROM action WHERE state NOT IN ('failed', 'held')")[0][0]
    assert len(holders) == needing, "whoever failed or waits has none"
    assert len(holders) == CODES or not shop.rows("SELECT 1 FROM action WHERE state = 'held'"), "none is idle"
