"""``check``, ``apply``, ``status`` and ``explain`` say who is in playbooks that are retired, paused or gone, and what becomes."""

import json
from typing import Any

import pytest

from engine.clock import iso
from engine.explain.health import COUNTED
from tests.retiring.campaign import CAMPAIGN, PATH, SURVEY, campaign, inside, join, messages, said, stopped
from tests.world import World, day

RETIRED = said(CAMPAIGN, state="retired")
FINISHING = said(CAMPAIGN, state="retired", on_retire="finish")
COUNTS = "3 users are still in it, 3 messages wait"


def attention(world: World) -> dict[str, tuple[str, str]]:
    """Return subject -> message and remedy of what status says about retired playbooks; it exits with 1 if anything."""
    told = world.program("status", "--json")
    found = json.loads(told.stdout)["attention"]
    assert told.returncode == (1 if found else 0)
    return {one["subject"]: (one["message"], one["remedy"]) for one in found if one["check"] == "retired_playbook"}


def applied(world: World, *options: str) -> dict[str, Any]:
    ended = world.program("apply", *options, "--json")
    assert ended.returncode == 0, ended.stderr
    told: dict[str, Any] = json.loads(ended.stdout)
    return told


def test_a_dry_run_counts_and_changes_nothing(shop: World) -> None:
    campaign(shop)
    shop.remove(PATH)
    [one] = applied(shop, "--dry-run")["playbooks"]
    assert one == {
        "playbook": "campaign",
        "state": "vanished",
        "on_retire": "cancel",
        "file": PATH,
        "since": None,
        "cancel_at": None,
        "enrolled": 3,
        "messages": 3,
        "or_more": False,
    }
    told = shop.program("apply", "--dry-run").stdout
    assert f"Playbook campaign: its file is gone: {COUNTS}; ticks hold them for a while" in told
    assert stopped(shop) == []
    assert messages(shop) == [("offer", "queued", "due", 3)]


def test_apply_has_the_next_tick_cancel_and_says_how_many(shop: World) -> None:
    campaign(shop)
    shop.remove(PATH)
    told = shop.program("apply").stdout
    assert f"its file is gone since {iso(shop.rows('SELECT since FROM pause')[0][0])}: {COUNTS}" in told
    assert "the next tick cancels them" in told
    assert messages(shop) == [("offer", "queued", "due", 3)]
    shop.tick(400, deliver=True)  # the command went by the clock on the wall
    assert messages(shop) == [("offer", "cancelled", "playbook_retired", 3)]
    assert inside(shop) == [("campaign", "cancelled", 2, "playbook_retired", 3)]


def test_apply_cancels_what_a_tick_only_held(shop: World) -> None:
    campaign(shop)
    shop.remove(PATH)
    shop.tick(1.1)
    [one] = applied(shop)["playbooks"]
    assert (one["since"], one["enrolled"], one["messages"]) == (day(1.1), 3, 3)
    assert one["cancel_at"] == day(2.1), "a day has passed on the clock of the wall"
    shop.execute("UPDATE pause SET cancel_at = :later", later=day(10_000))
    assert applied(shop)["applied"] is False
    assert shop.rows("SELECT cancel_at < :later FROM pause", later=day(10_000)) == [(1,)]


def test_an_empty_folder_is_not_a_wish(shop: World) -> None:
    """A mount that is missing, or a deployment that copied nothing: even `habitue apply` only holds."""
    campaign(shop)
    shop.remove(PATH)
    shop.remove("playbooks/survey.toml")
    told = applied(shop)
    found = {one["playbook"]: one for one in told["playbooks"]}
    assert found["campaign"]["cancel_at"] == found["campaign"]["since"] + 86_400_000


def test_with_manual_application_only_apply_retires(shop: World) -> None:
    shop.configure(content={"apply": "manual"})
    campaign(shop)
    shop.remove(PATH)
    content = shop.app.read().content
    shop.app.tick(content, day(1.1))
    assert messages(shop) == [("offer", "queued", "due", 3)]
    assert applied(shop)["playbooks"][0]["state"] == "vanished"
    shop.app.tick(shop.app.read().content, day(400))
    assert messages(shop) == [("offer", "cancelled", "playbook_retired", 3)]


def test_check_tells_of_the_store_if_there_is_one(shop: World) -> None:
    campaign(shop)
    shop.write(PATH, said(CAMPAIGN, state="paused"))
    shop.remove("playbooks/survey.toml")
    shop.remove("templates/survey/ask.email.j2")
    ended = shop.program("check")
    assert ended.returncode == 0
    assert ended.stdout.splitlines()[1:] == [f"Playbook campaign: paused by its file: {COUNTS}."]
    told = json.loads(shop.program("check", "--json").stdout)
    assert [(one["severity"], one["file"]) for one in told] == [("note", PATH)]
    assert [one["playbook"] for one in applied(shop, "--dry-run")["playbooks"]] == ["campaign", "survey"]
    assert stopped(shop) == []


def test_check_needs_no_store(shop: World) -> None:
    shop.write(PATH, RETIRED)
    missing = shop.folder / "other.db"
    shop.configure(store={"url": f"sqlite:///{missing}"})
    ended = shop.program("check")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert len(ended.stdout.splitlines()) == 1
    assert not missing.exists()
    missing.touch()
    ended = shop.program("check")
    assert ended.returncode == 0
    assert "the store was not looked at" in ended.stderr


def test_status_says_what_becomes_of_a_vanished_playbook_and_until_when(shop: World) -> None:
    campaign(shop)
    shop.remove(PATH)
    said_before, _ = attention(shop)["playbook campaign"]
    assert said_before.startswith(f"its file is gone: {COUNTS}; ticks hold them")
    shop.execute("DELETE FROM tick")
    shop.tick(1.1)
    shop.execute("UPDATE pause SET cancel_at = :later", later=day(3_000))
    message, remedy = attention(shop)["playbook campaign"]
    assert (
        message
        == f"its file is gone since {iso(day(1.1))}: {COUNTS}; all of it is held, and cancelled {iso(day(3_000))}"
    )
    assert remedy == f"put {PATH} back before that, and everything goes on; `habitue apply` has it cancelled at once"


def test_status_says_it_too_while_the_files_have_errors(shop: World) -> None:
    campaign(shop)
    shop.remove(PATH)
    shop.tick(1.1)
    shop.write("playbooks/survey.toml", SURVEY.replace("[trigger]", "[triger]"))
    assert "playbook campaign" in attention(shop)


@pytest.mark.parametrize(
    ("file", "becomes", "remedy"),
    [
        (RETIRED, "the next tick cancels them", "ticks cancel them"),
        (FINISHING, "they go on to its end, and nobody enters", "nothing to do if they may go on; `habitue cancel"),
    ],
    ids=["cancel", "finish"],
)
def test_status_names_a_retired_playbook_with_people_in_it(shop: World, file: str, becomes: str, remedy: str) -> None:
    campaign(shop)
    shop.write(PATH, file)
    message, todo = attention(shop)["playbook campaign"]
    assert message == f"retired: {COUNTS}; {becomes}"
    assert todo.startswith(remedy)


def test_status_is_silent_once_nobody_is_left(shop: World) -> None:
    campaign(shop)
    shop.write(PATH, RETIRED)
    shop.tick(1.1)
    assert attention(shop) == {}


def test_a_paused_playbook_is_reported_as_paused_alone(shop: World) -> None:
    campaign(shop)
    shop.write(PATH, said(CAMPAIGN, state="paused"))
    shop.tick(1.1)
    assert attention(shop) == {}


def test_counting_stops_at_its_limit(shop: World) -> None:
    campaign(shop, 1)
    shop.write(PATH, FINISHING)
    shop.execute(
        "INSERT INTO enrolment (playbook, version, user_id, occurrence, state, step, due_at, trigger_at, entered_at)"
        " WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i <= :many)"
        " SELECT 'campaign', 'v', 1, 'event:' || CAST(1000 + i AS TEXT), 'active', 0, :far, 0, 0 FROM n",
        many=COUNTED,
        far=day(9_000),
    )
    message, _ = attention(shop)["playbook campaign"]
    assert f"{COUNTED:,} or more users are still in it" in message


def test_explain_says_what_happens_to_a_user_of_a_vanished_playbook(shop: World) -> None:
    campaign(shop)
    shop.remove(PATH)
    shop.tick(1.1)
    [note] = shop.explain("u0", 1.2).pauses
    assert (note.subject, note.origin, note.cancel_at) == ("playbook campaign", "retired", day(2.1))
    shown = " ".join(shop.program("explain", "u0").stdout.split())
    assert "playbook campaign is retired, or its file is gone, since 2026-01-02 02:24:00Z" in shown
    assert "what waits is held, and it is cancelled 2026-01-03 02:24:00Z" in shown


def test_explain_shows_how_it_ended(shop: World) -> None:
    campaign(shop)
    shop.remove(PATH)
    shop.tick(1.1)
    shop.tick(2.2)
    [enrolment] = shop.explain("u0", 2.2).enrolments
    assert (enrolment.state, enrolment.reason) == ("cancelled", "playbook_retired")
    shown = shop.program("log", "--history", "--reason", "playbook_retired").stdout
    assert shown.count("playbook_retired") >= 6


def test_resume_of_a_vanished_playbook_says_what_to_do(shop: World) -> None:
    campaign(shop)
    shop.remove(PATH)
    shop.tick(1.1)
    ended = shop.program("resume", "playbook", "campaign")
    assert ended.returncode == 2
    assert "it is retired" in ended.stderr
    assert "put the file back" in ended.stderr


def test_nothing_is_said_or_counted_while_all_are_active(shop: World) -> None:
    campaign(shop)
    join(shop, "ann", at=1, event="review_posted")
    shop.tick(1.1, deliver=True)
    assert len(shop.program("check").stdout.splitlines()) == 1
    assert applied(shop)["playbooks"] == []
    assert attention(shop) == {}
