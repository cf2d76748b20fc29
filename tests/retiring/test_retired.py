"""``state = "retired"``: nobody enters; who is in it goes on to the end, or what is unsent is cancelled."""

from engine.playbooks.reasons import PlaybookReason
from tests.retiring.campaign import (
    CAMPAIGN,
    PATH,
    SURVEY,
    campaign,
    free_codes,
    inside,
    join,
    messages,
    said,
    stopped,
    subjects,
)
from tests.world import World

RETIRED = said(CAMPAIGN, state="retired")
FINISHING = said(CAMPAIGN, state="retired", on_retire="finish")
CANCELLED = [("offer", "cancelled", "playbook_retired", 3)]


def test_marketing_is_cancelled_at_the_next_tick_and_codes_go_back(shop: World) -> None:
    campaign(shop)
    shop.write(PATH, RETIRED)
    shop.tick(1.1, deliver=True)
    assert messages(shop) == CANCELLED
    assert inside(shop) == [("campaign", "cancelled", 2, "playbook_retired", 3)]
    assert free_codes(shop) == 3
    assert stopped(shop) == []
    assert shop.mail() == []


def test_what_was_sent_stays_and_the_rest_ends(shop: World) -> None:
    campaign(shop)
    shop.deliver()
    shop.write(PATH, RETIRED)
    shop.live(since=1.1, until=3)
    assert messages(shop) == [("offer", "accepted", "accepted", 3)]
    assert inside(shop) == [("campaign", "cancelled", 2, "playbook_retired", 3)]
    assert free_codes(shop) == 0


def test_on_retire_finish_lets_those_who_are_in_it_go_on(shop: World) -> None:
    campaign(shop)
    shop.write(PATH, FINISHING)
    shop.tick(1.1, deliver=True)
    join(shop, "late", at=1.2)
    shop.live(since=1.2, until=3)
    assert subjects(shop) == ["Offer"] * 3 + ["Reminder"] * 3
    assert inside(shop) == [("campaign", "finished", 3, "completed", 3)]


def test_a_service_playbook_finishes_by_default(shop: World) -> None:
    join(shop, "ann", at=1, event="review_posted")
    shop.tick(1)
    shop.write("playbooks/survey.toml", said(SURVEY, state="retired"))
    join(shop, "bob", at=1.1, event="review_posted")
    shop.live(since=1.2, until=4)
    assert inside(shop) == [("survey", "finished", 2, "completed", 1)]


def test_nobody_enters_by_date_schedule_or_condition_either(shop: World) -> None:
    triggers = {
        "by_date": 'date = { fact = "birthday", at = "09:00" }',
        "by_clock": 'schedule = { cron = "0 10 * * *" }',
        "by_state": 'when = "orders >= 1"',
    }
    for name, trigger in triggers.items():
        file = CAMPAIGN.replace('"campaign"', f'"{name}"').replace('event = "signed_up"', trigger)
        shop.write(f"playbooks/{name}.toml", said(file, state="retired"))
    shop.user("ann", 0.5, birthday="1990-01-03")
    shop.order("ann", 1)
    shop.live(since=1, until=4)
    assert inside(shop) == []


def test_it_can_be_made_active_again_and_whoever_fits_is_asked(shop: World) -> None:
    file = CAMPAIGN.replace('event = "signed_up"', 'when = "orders >= 1"')
    shop.write(PATH, said(file, state="retired"))
    shop.user("ann", 0.5)
    shop.order("ann", 1)
    shop.live(since=1, until=2)
    assert inside(shop) == []
    shop.write(PATH, file)
    shop.tick(3)
    assert [one[:2] for one in inside(shop)] == [("campaign", "active")]


def test_cancelling_is_not_taken_back_by_a_later_change_of_mind(shop: World) -> None:
    campaign(shop)
    shop.write(PATH, RETIRED)
    shop.tick(1.1)
    shop.write(PATH, CAMPAIGN)
    shop.live(since=1.2, until=3)
    assert messages(shop) == CANCELLED


def test_a_file_that_returns_retired_cancels_at_once_and_one_that_finishes_goes_on(shop: World) -> None:
    campaign(shop)
    shop.remove(PATH)
    shop.tick(1.1)
    shop.write(PATH, FINISHING)
    shop.tick(1.2)
    assert messages(shop) == [("offer", "queued", "due", 3)]
    shop.remove(PATH)
    shop.tick(1.3)
    assert messages(shop) == [("offer", "queued", "due", 3)], "the last applied version says that it finishes"
    shop.write(PATH, RETIRED)
    shop.tick(1.4)
    assert messages(shop) == CANCELLED


def test_an_unrelated_edit_later_stops_nothing_that_a_person_decided(shop: World) -> None:
    """Retirement is a moment. What is sent again by hand afterwards is not stopped by the next version of the files."""
    campaign(shop)
    shop.mark_actions("failed", "render_failed", where="id = 1")
    shop.execute("UPDATE enrolment SET state = 'finished', reason = 'completed', step = 3 WHERE id = 1")
    shop.write(PATH, RETIRED)
    shop.tick(1.1)
    shop.mark_actions("queued", "resent", where="id = 1")
    shop.write("playbooks/survey.toml", SURVEY.replace("1d", "2d"))
    shop.tick(1.2, deliver=True)
    assert subjects(shop) == ["Offer"]


def test_explain_says_why_nobody_enters(shop: World) -> None:
    shop.write(PATH, RETIRED)
    join(shop, "ann", at=1)
    shop.tick(1)
    [answer] = [one for one in shop.explain("ann", 1).playbooks if one.playbook == "campaign"]
    assert (answer.inside, answer.reason) == (False, PlaybookReason.RETIRED.value)
    assert "retired" in answer.sentence
