"""A step makes a task for the owner of the customer's place; people take it and do it, and the log knows."""

from pathlib import Path

import pytest

from engine.errors import InputError
from engine.tasks.rows import TaskFilter
from engine.worker.upkeep import clean_up
from tests.tasks.desk import TASKS, Desk
from tests.world import day


def test_each_task_has_the_owner_of_its_customers_place(desk: Desk) -> None:
    found = {one.user: (one.owner, one.title, one.body, one.state, one.created_at, one.due_at) for one in desk.tasks()}
    assert found == {
        "ann": ("vip-team", "Call Ann", "Ask what went wrong.", "open", day(1), day(3)),
        "bo": ("care", "Call Bo", "Ask what went wrong.", "open", day(1), day(3)),
    }
    assert desk.history("ann")[-1] == ("accepted", "accepted", None)
    actions = (
        "SELECT a.id FROM action AS a JOIN users AS u ON u.id = a.user_id WHERE u.key = 'ann' AND a.channel = 'task'"
    )
    assert desk.rows(actions) == [(desk.task("ann").action,)]


def test_a_place_among_segments_counts_and_one_that_is_gone_is_nobodys(tmp_path: Path, database_url: str) -> None:
    owners = {"lost=high": "nobody", "value=gone": "nobody", "needs=basic": "basics", "default": "care"}
    desk = Desk.create(tmp_path / "maison", database_url, {"owners": owners})
    assert {one.owner for one in desk.tasks()} <= {"basics", "care"}
    placed = dict(desk.rows("SELECT u.key, s.place_needs FROM user_state AS s JOIN users AS u ON u.id = s.user_id"))
    for task in desk.tasks():
        assert task.owner == ("basics" if "|basic|" in (placed[task.user] or "") else "care")
    desk.close()


def test_without_settings_there_is_an_owner_who_is_told_nothing(tmp_path: Path, database_url: str) -> None:
    desk = Desk.create(tmp_path / "maison", database_url, {})
    assert {one.owner for one in desk.tasks()} == {"team"}
    assert not desk.told(1.1)
    assert desk.letters() == []
    desk.close()


def test_who_takes_and_does_a_task_is_in_the_log(desk: Desk) -> None:
    assert desk.take("ann", "eve", 1.2).taken_by == "eve"
    task = desk.done("ann", "eve", 1.5, "Wants a refund.")
    assert (task.state, task.closed_by, task.closed_at, task.outcome) == ("done", "eve", day(1.5), "Wants a refund.")
    assert desk.history("ann")[-3:] == [
        ("accepted", "accepted", None),
        ("accepted", "task_taken", "eve"),
        ("accepted", "task_done", "eve"),
    ]
    assert desk.rows("SELECT said FROM provider_text") == [("Wants a refund.",)], "deleted with the rest of the content"
    shown = " ".join(desk.command("explain", "ann").output.split())
    assert "Someone did the task." in shown
    assert [one[0:2] for one in desk.rows("SELECT command, who, subject FROM intervention ORDER BY id")] == [
        ("task take", "eve"),
        ("task done", "eve"),
    ]
    assert [one.user for one in desk.tasks()] == ["bo"]


def test_what_is_taken_or_closed_is_not_taken_again(desk: Desk) -> None:
    number = desk.task("ann").id
    desk.take("ann", "eve", 1.1)
    desk.take("ann", "eve", 1.2)
    with pytest.raises(InputError, match=f"eve has taken task {number}: `habitue task reassign {number} OWNER`"):
        desk.take("ann", "joe", 1.3)
    desk.done("ann", "joe", 1.4)
    for again in (desk.done, desk.take, desk.cancel):
        with pytest.raises(InputError, match=f"task {number} is done already, by joe"):
            again("ann", "eve", 1.5)
    assert [reason for _, reason, _ in desk.history("ann")][-2:] == ["task_taken", "task_done"]
    assert len(desk.rows("SELECT 1 FROM intervention WHERE command = 'task take'")) == 2, "what failed left no record"


def test_another_owner_gets_an_open_task(desk: Desk) -> None:
    desk.take("ann", "eve", 1.1)
    task = desk.reassign("ann", "care", "joe", 1.2)
    assert (task.owner, task.state, task.taken_by) == ("care", "open", None)
    assert desk.history("ann")[-1] == ("accepted", "task_reassigned", "joe")
    desk.cancel("ann", "joe", 1.3)
    assert desk.history("ann")[-1] == ("accepted", "task_cancelled", "joe")
    assert desk.task("ann").state == "cancelled"


def test_retention_deletes_what_was_closed_long_ago(desk: Desk) -> None:
    desk.told(1.1)
    desk.done("ann", "eve", 2)
    for at, left in ((401, 2), (403, 1), (1_000, 1)):
        with desk.app.database.write() as connection:
            clean_up(connection, desk.app, desk.content(), day(at))
        assert len(desk.tasks(TaskFilter(closed_too=True))) == left
    assert desk.tasks()[0].user == "bo", "what is still to be done stays"
    assert len(desk.rows("SELECT 1 FROM task_notice")) == 1


def test_check_finds_places_and_owners_that_are_wrong(tmp_path: Path) -> None:
    owners = {"valeu=high": "vip-team", "value=hihg": "vip-team", "value=high": "vip-team", "default": "care"}
    settings = {**TASKS, "owners": owners, "people": {"care": "care@shop.example", "head": "head@shop.example"}}
    desk = Desk.create(tmp_path / "maison", f"sqlite:///{tmp_path}/habitue.db", settings)
    said = " ".join(desk.program("check").stdout.split())
    for found in (
        "config.toml: error: tasks.owners: `valeu=high`: there is no dimension `valeu`; did you mean `value`?",
        "config.toml: error: tasks.owners: `value=hihg`: `value` has no place `hihg`; did you mean `high`?",
        "config.toml: warning: tasks.people has no address for `vip-team`, so nobody is told of its tasks",
    ):
        assert found in said
    assert "`care`" not in said
    desk.close()


def test_what_is_sent_again_after_a_doubt_is_the_same_task(desk: Desk) -> None:
    desk.take("ann", "eve", 1.1)
    desk.mark_actions("unknown", "no_answer", where="channel = 'task'")
    done = desk.command("resolve", "send-again", "--channel", "task", "--even-expired")
    assert done.exit_code == 0, done.output
    desk.execute("UPDATE action SET due_at = :now WHERE channel = 'task'", now=day(1.2))
    desk.tick(1.3, deliver=True)
    assert desk.rows("SELECT state FROM action WHERE channel = 'task'") == [("accepted",)] * 2
    assert [(one.user, one.state) for one in desk.tasks()] == [("ann", "taken"), ("bo", "open")]
    assert len(desk.rows("SELECT 1 FROM task_notice")) == 2
