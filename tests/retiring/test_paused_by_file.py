"""``state = "paused"`` does what ``habitue pause playbook`` does, and the two do not end each other."""

import json

import pytest

from engine.errors import InputError
from tests.control.hands import ANN, cancels, pauses, playbook, resumes
from tests.retiring.campaign import CAMPAIGN, PATH, SURVEY, campaign, inside, join, messages, said, stopped, subjects
from tests.world import World, day

PAUSED = said(CAMPAIGN, state="paused")
SERVICE = "playbooks/survey.toml"


def test_messages_and_steps_wait_and_people_still_enter(shop: World) -> None:
    campaign(shop, codes=4)
    shop.write(PATH, PAUSED)
    shop.tick(1.1, deliver=True)
    join(shop, "late", at=1.2)
    shop.live(since=1.3, until=3)
    assert messages(shop) == [("offer", "queued", "due", 3)]
    assert inside(shop) == [("campaign", "active", 0, None, 1), ("campaign", "active", 2, None, 3)]
    assert stopped(shop) == [("campaign", "file")]
    shop.write(PATH, CAMPAIGN)
    shop.live(since=3.1, until=6)
    assert subjects(shop) == ["Offer"] * 4 + ["Reminder"] * 4
    assert stopped(shop) == []


def test_a_persons_pause_and_the_files_are_two(shop: World) -> None:
    campaign(shop)
    shop.write(PATH, PAUSED)
    shop.tick(1.1)
    pauses(shop, playbook("campaign"))
    assert stopped(shop) == [("campaign", "file"), ("campaign", "person")]
    shop.write(PATH, CAMPAIGN)
    shop.tick(1.2, deliver=True)
    assert stopped(shop) == [("campaign", "person")]
    assert shop.mail() == []
    shop.write(PATH, PAUSED)
    shop.tick(1.3)
    resumes(shop, playbook("campaign"))
    shop.tick(1.4, deliver=True)
    assert stopped(shop) == [("campaign", "file")]
    assert shop.mail() == []
    shop.write(PATH, CAMPAIGN)
    shop.tick(1.5, deliver=True)
    assert subjects(shop) == ["Offer"] * 3


def test_resume_says_what_to_change(shop: World) -> None:
    shop.write(PATH, PAUSED)
    shop.tick(1)
    with pytest.raises(InputError, match='its file pauses it: write `state = "active"` there'):
        resumes(shop, playbook("campaign"))
    ended = shop.program("resume", "playbook", "campaign")
    assert ended.returncode == 2
    assert 'its file pauses it: write `state = "active"` there' in ended.stderr
    pauses(shop, playbook("campaign"), ANN)
    ended = shop.program("resume", "playbook", "campaign")
    assert ended.returncode == 0
    assert "no longer paused by hand, but its file pauses it" in ended.stdout
    assert "Still paused: playbook campaign" in ended.stdout


def test_status_and_explain_show_whose_pause_it_is(shop: World) -> None:
    campaign(shop)
    shop.write(PATH, PAUSED)
    shop.tick(1.1)
    [note] = shop.explain("u0", 1.1).pauses
    assert (note.subject, note.origin, note.since, note.who) == ("playbook campaign", "file", day(1.1), None)
    shown = shop.program("explain", "u0").stdout
    assert "playbook campaign is paused by its file since 2026-01-02 02:24:00Z" in shown
    told = shop.program("status", "--json")
    assert told.returncode == 1
    [found] = [one for one in json.loads(told.stdout)["attention"] if one["check"] == "paused"]
    assert found["message"].startswith("paused by its file since 2026-01-02T02:24:00Z; 3 messages wait")
    assert found["remedy"] == 'write `state = "active"` in its file, and apply it'


def test_other_playbooks_go_on(shop: World) -> None:
    shop.write(PATH, PAUSED)
    join(shop, "ann", at=1, event="review_posted")
    shop.live(since=1, until=3)
    assert subjects(shop) == ["A"]


def test_a_paused_playbook_that_vanishes_is_held_and_comes_back_paused(shop: World) -> None:
    campaign(shop)
    shop.write(PATH, PAUSED)
    shop.tick(1.1)
    shop.remove(PATH)
    shop.tick(1.2, deliver=True)
    assert stopped(shop) == [("campaign", "retired")]
    assert messages(shop) == [("offer", "held", "playbook_retired", 3)]
    shop.write(PATH, PAUSED)
    shop.tick(1.3, deliver=True)
    assert stopped(shop) == [("campaign", "file")]
    assert messages(shop) == [("offer", "queued", "due", 3)]


def asked(shop: World) -> None:
    """Let the survey's file pause it, with a question that waits, and then vanish."""
    join(shop, "ann", at=1, event="review_posted")
    shop.tick(1)
    shop.tick(2)
    shop.write(SERVICE, said(SURVEY, state="paused"))
    shop.tick(2.1)
    shop.remove(SERVICE)
    shop.live(since=2.2, until=4, step=0.4)


def test_a_paused_playbook_that_would_go_on_to_its_end_stays_paused_while_its_file_is_gone(shop: World) -> None:
    """Else half a `git pull` sends what somebody has paused."""
    asked(shop)
    assert shop.mail() == []
    assert stopped(shop) == [("survey", "file")]
    shop.write(SERVICE, SURVEY)
    shop.tick(4.1, deliver=True)
    assert subjects(shop) == ["A"]
    assert stopped(shop) == []


def test_its_pause_ends_with_what_it_stops(shop: World) -> None:
    asked(shop)
    cancels(shop, playbook("survey"))
    shop.tick(4.1)
    assert stopped(shop) == []
    assert shop.mail() == []
