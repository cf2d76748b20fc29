"""Why a user is or is not in a playbook."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.clock import DAY, Instant, iso
from engine.playbooks.membership import Membership, Memberships
from engine.playbooks.reasons import Reason
from engine.playbooks.steps import STEPS
from engine.playbooks.triggers import TRIGGERS
from engine.playbooks.triggers.transitions import MoveReason
from engine.playbooks.triggers.when import WhenReason
from tests.playbooks.shop import Shop, at, day, playbook

ENTER = 'enter = { lifecycle = "at_risk" }'
GERMAN = "[audience]\nwhen = \"language = 'de'\""


def why(shop: Shop, user: int, now: int) -> Membership:
    memberships = Memberships(shop.content.playbooks, shop.database.dialect, shop.zone)
    with shop.database.read() as connection:
        (found,) = memberships.of(connection, user, Instant(now))
    return found


def test_a_member_is_told_since_when_and_what_comes_next(shop: Shop) -> None:
    shop.apply(playbook(steps='[[step]]\nwait = "3d"\n[[step]]\nid = "end"\nexit = "done"'))
    user = shop.user("a")
    shop.event(user, "order_completed", day(1))
    shop.tick(day(1))
    found = why(shop, user, day(2))
    assert (found.inside, found.reason) == (True, Reason.ACTIVE)
    assert found.detail == f"since {iso(day(1))}; step `end` is next, due {iso(day(4))}"


def test_nothing_happened(shop: Shop) -> None:
    shop.apply(playbook(trigger=ENTER))
    assert why(shop, shop.user("a"), day(1)).reason is Reason.NOT_TRIGGERED


def test_the_playbook_was_never_applied(shop: Shop) -> None:
    shop.apply(playbook(trigger=ENTER))
    shop.run("DELETE FROM version")
    assert why(shop, shop.user("a"), day(1)).reason is Reason.NOT_ACTIVE_YET


def test_transitions_say_which_test_fails(shop: Shop) -> None:
    shop.apply(playbook(trigger=ENTER, rest=GERMAN), at=day(1))
    user = shop.user("a")
    shop.move(user, "lifecycle", "active", "at_risk", day(0))
    assert why(shop, user, day(1)).reason is Reason.BEFORE_ACTIVATION
    assert why(shop, user, day(30)).reason is Reason.TRIGGER_TOO_OLD
    shop.move(user, "lifecycle", "active", "at_risk", day(2))
    found = why(shop, user, day(3))
    assert (found.reason, found.detail) == (Reason.AUDIENCE_FALSE, "language = 'de'")
    shop.state(user, language="de")
    assert why(shop, user, day(3)).reason is Reason.ENTERS_NEXT
    shop.move(user, "lifecycle", "at_risk", "active", day(3))
    assert why(shop, user, day(3)).reason is MoveReason.MOVED_ON


def test_a_first_placement_is_said(shop: Shop) -> None:
    shop.apply(playbook(trigger=ENTER))
    user = shop.user("a")
    shop.move(user, "lifecycle", None, "at_risk", day(1))
    assert why(shop, user, day(1)).reason is MoveReason.FIRST_PLACEMENT


def test_a_move_for_another_cause_is_said(shop: Shop) -> None:
    shop.apply(playbook(trigger=ENTER))
    user = shop.user("a")
    shop.move(user, "lifecycle", "active", "at_risk", day(1), "rules")
    found = why(shop, user, day(1))
    assert (found.reason, found.detail) == (MoveReason.OTHER_CAUSE, f"it happened {iso(day(1))}")
    shop.apply(playbook(trigger=f'{ENTER}\non = ["rules"]'))
    assert why(shop, user, day(1)).reason is Reason.ENTERS_NEXT


@pytest.mark.parametrize(
    ("reentry", "reason", "said"),
    [
        ("once", Reason.ONCE_ONLY, "finished"),
        ("30d", Reason.REENTRY_NOT_YET, f"not before {iso(day(31))}"),
        ("always", Reason.ENTERS_NEXT, "it happened"),
    ],
)
def test_reentry_is_said(shop: Shop, reentry: str, reason: Reason, said: str) -> None:
    shop.apply(playbook(reentry=reentry))
    user = shop.user("a")
    shop.event(user, "order_completed", day(1))
    shop.tick(day(1))
    assert why(shop, user, day(1)).reason is Reason.SAME_OCCURRENCE
    shop.event(user, "order_completed", day(2))
    found = why(shop, user, day(2))
    assert found.reason is reason
    assert said in found.detail


def test_dates_and_conditions_are_said(shop: Shop) -> None:
    shop.apply(playbook(trigger='date = { fact = "birthday", at = "09:00" }', expires="2d"))
    user = shop.user("a", birthday="1990-05-17")
    assert why(shop, user, at("2026-05-17T08:00")).reason is Reason.TRIGGER_TOO_OLD
    assert why(shop, user, at("2026-05-17T10:00")).reason is Reason.ENTERS_NEXT
    assert why(shop, shop.user("b"), day(1)).reason is Reason.NOT_TRIGGERED
    shop.apply(playbook(trigger='when = "spend > 100"', reentry="10d"))
    assert why(shop, user, day(1)).reason is WhenReason.CONDITION_FALSE


def test_every_reason_has_a_sentence() -> None:
    of_kinds = (*(trigger.reasons for trigger in TRIGGERS), *(step.reasons for step in STEPS))
    for reason in (*Reason, *(reason for reasons in of_kinds for reason in reasons)):
        assert reason.sentence.endswith(".")
        assert reason.value == reason.value.lower().replace(" ", "_")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moves=st.lists(st.tuples(st.sampled_from(["active", "at_risk", "potential"]), st.integers(0, 12)), max_size=6),
    speaks=st.sampled_from([None, "de", "en"]),
    seen=st.integers(0, 12),
    now=st.integers(0, 20),
)
def test_the_explanation_is_what_a_tick_does(
    sqlite_shop: Shop, moves: list[tuple[str, int]], speaks: str | None, seen: int, now: int
) -> None:
    shop = sqlite_shop.apply(playbook(trigger=ENTER, rest=GERMAN, reentry="5d"), at=day(1))
    shop.run("DELETE FROM enrolment")
    user = shop.user(f"u{len(shop.rows('SELECT id FROM users'))}", first_seen=day(seen), language=speaks)
    before = None
    for place, moment in sorted(moves, key=lambda move: move[1]):
        if place != before:
            shop.move(user, "lifecycle", before, place, day(moment))
            before = place
    said = why(shop, user, day(now))
    shop.tick(day(now), [user])
    entered = len(shop.enrolments()) == 1
    assert entered == (said.reason is Reason.ENTERS_NEXT)
    if entered:
        assert why(shop, user, day(now) + DAY).reason in {Reason.SAME_OCCURRENCE, Reason.REENTRY_NOT_YET}
