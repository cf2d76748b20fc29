"""A playbook whose file has vanished: what it had planned is held, then cancelled, or goes on if the file returns."""

import pytest

from engine.errors import ContentError, HabitueError
from tests.retiring.campaign import (
    CAMPAIGN,
    HELD,
    PATH,
    SURVEY,
    WAITING,
    campaign,
    free_codes,
    inside,
    join,
    messages,
    said,
    stopped,
    subjects,
    vanished,
)
from tests.world import World, day


def test_nothing_leaves_after_a_campaign_has_been_deleted(shop: World) -> None:
    vanished(shop)
    assert messages(shop) == HELD
    assert inside(shop) == WAITING
    join(shop, "late", at=1.5)
    shop.live(since=1.2, until=2, step=0.2)
    assert messages(shop) == HELD
    assert inside(shop) == WAITING
    assert shop.mail() == []
    assert free_codes(shop) == 0


def test_a_day_later_it_is_cancelled_and_its_codes_go_back(shop: World) -> None:
    vanished(shop)
    shop.tick(2.09, deliver=True)
    assert messages(shop) == HELD
    shop.tick(2.11, deliver=True)
    assert messages(shop) == [("offer", "cancelled", "playbook_retired", 3)]
    assert inside(shop) == [("campaign", "cancelled", 2, "playbook_retired", 3)]
    assert free_codes(shop) == 3
    assert stopped(shop) == []
    shop.write(PATH, CAMPAIGN)
    shop.live(since=3, until=6)
    assert shop.mail() == []


def test_how_long_it_is_held_is_a_setting(shop: World) -> None:
    shop.configure(content={"hold_vanished": "2h"})
    vanished(shop)
    shop.tick(1.15)
    assert messages(shop) == HELD
    shop.tick(1.19)
    assert messages(shop) == [("offer", "cancelled", "playbook_retired", 3)]


def test_it_goes_on_if_the_file_returns(shop: World) -> None:
    campaign(shop)
    before = shop.actions("id, state, reason, due_at, expires_at")
    shop.remove(PATH)
    shop.tick(1.1, deliver=True)
    shop.write(PATH, CAMPAIGN)
    shop.tick(1.2)
    assert shop.actions("id, state, reason, due_at, expires_at") == before
    assert stopped(shop) == []
    shop.deliver()
    shop.live(since=1.3, until=3)
    assert subjects(shop) == ["Offer"] * 3 + ["Reminder"] * 3
    assert inside(shop) == [("campaign", "finished", 3, "completed", 3)]


@pytest.mark.parametrize(("returns", "entered"), [(1.7, True), (8.4, True), (8.6, False)])
def test_who_came_meanwhile_enters_if_the_file_returns_before_that_expires(
    shop: World, returns: float, *, entered: bool
) -> None:
    vanished(shop)
    join(shop, "late", at=1.5)
    shop.tick(1.6)
    shop.write(PATH, CAMPAIGN)
    shop.tick(returns)
    late = "SELECT count(*) FROM enrolment AS n JOIN users AS u ON u.id = n.user_id WHERE u.key = 'late'"
    assert shop.rows(late) == [(int(entered),)]


def test_it_goes_on_as_an_edited_file_says_who_enters(shop: World) -> None:
    """Those who are in it follow the version that they entered, as after any edit."""
    vanished(shop)
    shop.write(PATH, CAMPAIGN.replace('id = "reminder"', 'id = "again"'))
    shop.live(since=1.2, until=3)
    assert [step for step, *_ in messages(shop)] == ["offer", "reminder"]


def test_what_waited_for_a_better_hour_or_a_code_waits_for_it_again(shop: World) -> None:
    shop.configure(delivery={"quiet_hours": "00:00-06:00"})
    campaign(shop, codes=2)
    shop.deliver()
    before = shop.actions("id, state, reason, due_at")
    assert [state for _, state, *_ in before] == ["deferred", "deferred", "held"]
    shop.remove(PATH)
    shop.tick(1.05)
    assert messages(shop) == HELD
    shop.codes("NEW")
    shop.tick(1.1)
    assert free_codes(shop) == 1, "nobody gets a code for a message that is held"
    shop.write(PATH, CAMPAIGN)
    shop.tick(1.2)
    assert [one for one in shop.actions("id, state, reason, due_at") if one[1] == "deferred"] == before[:2]
    shop.tick(1.3, deliver=True)
    shop.live(since=1.5, until=1.6)
    assert subjects(shop) == ["Offer"] * 3


def test_what_expires_meanwhile_is_expired(shop: World) -> None:
    shop.configure(content={"hold_vanished": "30d"})
    vanished(shop)
    shop.tick(7.9)
    shop.write(PATH, CAMPAIGN)
    shop.tick(9, deliver=True)
    assert ("offer", "expired", "expired", 3) in messages(shop)
    assert "Offer" not in subjects(shop)


def test_a_name_that_changes_in_the_file_counts_as_gone(shop: World) -> None:
    campaign(shop)
    shop.write(PATH, CAMPAIGN.replace('"campaign"', '"campaign_2"'))
    shop.tick(1.1, deliver=True)
    assert messages(shop) == HELD
    shop.write(PATH, CAMPAIGN)
    shop.live(since=1.2, until=1.3)
    assert subjects(shop) == ["Offer"] * 3


def test_a_file_that_moves_is_the_same_playbook(shop: World) -> None:
    campaign(shop)
    shop.remove(PATH)
    shop.write("playbooks/autumn/campaign.toml", CAMPAIGN)
    shop.tick(1.1, deliver=True)
    assert subjects(shop) == ["Offer"] * 3
    assert stopped(shop) == []


def test_half_a_git_pull_cancels_nothing(shop: World) -> None:
    """First the templates are gone: files with errors retire nothing. Then the playbook, too; then all is back."""
    campaign(shop)
    template = "templates/campaign/offer.email.j2"
    text = (shop.folder / template).read_text(encoding="utf-8")
    shop.remove(template)
    with pytest.raises(ContentError):
        shop.tick(1.05)
    shop.remove(PATH)
    shop.tick(1.1, deliver=True)
    assert messages(shop) == HELD
    shop.write(template, text)
    shop.write(PATH, CAMPAIGN)
    shop.live(since=1.2, until=3)
    assert subjects(shop) == ["Offer"] * 3 + ["Reminder"] * 3


def test_a_missing_folder_retires_nothing_and_an_empty_one_only_holds(shop: World) -> None:
    campaign(shop)
    folder, aside = shop.folder / "playbooks", shop.folder / "aside"
    folder.rename(aside)
    with pytest.raises(HabitueError, match="does not exist"):
        shop.app.content()
    assert [state for _, state, *_ in messages(shop)] == ["queued"]
    folder.mkdir()
    shop.tick(1.1, deliver=True)
    assert messages(shop) == HELD
    folder.rmdir()
    aside.rename(folder)
    shop.live(since=1.2, until=1.3)
    assert subjects(shop) == ["Offer"] * 3


def test_service_messages_go_on_to_the_end_and_nobody_enters(shop: World) -> None:
    join(shop, "ann", at=1, event="review_posted")
    shop.tick(1)
    shop.remove("playbooks/survey.toml")
    join(shop, "bob", at=1.1, event="review_posted")
    shop.live(since=1.1, until=3)
    assert inside(shop) == [("survey", "finished", 2, "completed", 1)]
    assert subjects(shop) == ["A"]


@pytest.mark.parametrize(
    ("file", "event", "path", "on_retire"),
    [(CAMPAIGN, "signed_up", PATH, "finish"), (SURVEY, "review_posted", "playbooks/survey.toml", "cancel")],
)
def test_the_last_applied_version_says_what_becomes_of_it(
    shop: World, file: str, event: str, path: str, on_retire: str
) -> None:
    shop.codes("CODE")
    join(shop, "ann", at=1, event=event)
    shop.tick(1)
    shop.write(path, said(file, on_retire=on_retire))
    shop.tick(1.05)
    shop.remove(path)
    shop.live(since=1.1, until=4)
    ended = "finished" if on_retire == "finish" else "cancelled"
    assert [one[1] for one in inside(shop)] == [ended]
    assert bool(shop.mail()) is (on_retire == "finish")


def test_it_can_vanish_again_while_it_goes_on(shop: World) -> None:
    vanished(shop)
    for at in (1.2, 1.4):
        shop.write(PATH, CAMPAIGN)
        shop.tick(at)
        shop.remove(PATH)
        shop.tick(at + 0.1)
        assert messages(shop) == HELD
    shop.tick(2.45)
    assert messages(shop) == HELD, "a day counts from when it vanished last"
    shop.tick(2.51)
    assert messages(shop) == [("offer", "cancelled", "playbook_retired", 3)]


def test_who_was_in_a_vanished_playbook_before_ticks_knew_of_retirement_is_held_too(shop: World) -> None:
    """As in a store of an earlier version of the program: nothing says that the playbook has vanished."""
    vanished(shop)
    shop.execute("DELETE FROM pause")
    shop.tick(1.3)
    assert stopped(shop) == [("campaign", "retired")]
    shop.tick(2.2)
    assert messages(shop) == HELD, "it is found again, and a day counts from then"
    shop.tick(2.31)
    assert messages(shop) == [("offer", "cancelled", "playbook_retired", 3)]


def test_the_history_names_the_reason(shop: World) -> None:
    vanished(shop)
    shop.tick(2.2)
    history = shop.rows("SELECT at, state, reason FROM action_event WHERE action_id = 1 ORDER BY id")
    assert history == [
        (day(1), "queued", "due"),
        (day(1.1), "held", "playbook_retired"),
        (day(2.2), "cancelled", "playbook_retired"),
    ]


def test_who_leaves_meanwhile_gets_nothing_later(shop: World) -> None:
    shop.write(PATH, f'{CAMPAIGN}\n[exit]\nevent = "order_completed"\n')
    vanished(shop)
    shop.order("u0", 1.2)
    shop.tick(1.3)
    assert messages(shop) == [("offer", "cancelled", "enrolment_exited", 1), ("offer", "held", "playbook_retired", 2)]
    assert free_codes(shop) == 1
    shop.write(PATH, CAMPAIGN)
    shop.live(since=1.4, until=3)
    assert subjects(shop) == ["Offer"] * 2 + ["Reminder"] * 2


def test_a_campaign_that_is_deleted_with_its_templates_and_facts_is_held_like_any_other(shop: World) -> None:
    """What it needs is not there any more, and nothing of it is needed to hold and cancel it."""
    fact = '\n[facts.reviews]\ncount = "review_posted"\n'
    facts = (shop.folder / "rules/facts.toml").read_text(encoding="utf-8")
    shop.write("rules/facts.toml", facts + fact)
    shop.write(PATH, f'{CAMPAIGN}\n[exit]\nwhen = "reviews >= 1"\n')
    shop.app.migrate(shop.content())
    vanished_files = (PATH, "templates/campaign/offer.email.j2", "templates/campaign/reminder.email.j2")
    campaign(shop)
    for path in vanished_files:
        shop.remove(path)
    shop.write("rules/facts.toml", facts)
    shop.app.migrate(shop.content())
    shop.tick(1.1, deliver=True)
    assert messages(shop) == HELD
    shop.tick(2.2, deliver=True)
    assert messages(shop) == [("offer", "cancelled", "playbook_retired", 3)]
    assert inside(shop) == [("campaign", "cancelled", 2, "playbook_retired", 3)]
    assert free_codes(shop) == 3
