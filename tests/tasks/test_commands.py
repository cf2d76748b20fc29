"""``habitue task``: what people see and do at the command line, whose clock is the machine's."""

import json
from typing import Any

import pytest

from engine.tasks.report import OwnerReport, report
from tests.tasks.desk import Desk
from tests.world import day


def as_json(desk: Desk, *words: str) -> Any:
    result = desk.command("task", *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_a_task_from_the_list_to_its_end(desk: Desk) -> None:
    listed = as_json(desk, "list")
    assert [(one["user"], one["owner"], one["state"], one["overdue"]) for one in listed] == [
        ("ann", "vip-team", "open", True),
        ("bo", "care", "open", True),
    ]
    assert "key" not in listed[0]
    number = str(listed[0]["id"])
    assert as_json(desk, "take", number, "--who", "eve")["taken_by"] == "eve"
    assert as_json(desk, "reassign", number, "care", "--who", "joe")["owner"] == "care"
    done = as_json(desk, "done", number, "--note", "called", "--who", "eve")
    assert (done["state"], done["closed_by"], done["outcome"]) == ("done", "eve", "called")
    assert [one["user"] for one in as_json(desk, "list", "--owner", "care")] == ["bo"]
    assert [one["user"] for one in as_json(desk, "list", "--all")] == ["bo", "ann"], "the newest first"
    assert as_json(desk, "cancel", str(listed[1]["id"]))["state"] == "cancelled"
    assert as_json(desk, "list", "--overdue") == []
    assert desk.command("task", "list").output == "No tasks.\n"


def test_a_person_reads_tables(desk: Desk) -> None:
    table = desk.command("task", "list").output
    for said in ("vip-team", "care", "Call Ann", "Call Bo", "2026-01-04"):
        assert said in table
    number = str(desk.task("ann").id)
    assert desk.command("task", "take", number, "--who", "eve").output.startswith(
        f"Task {number}: Call Ann, taken by eve"
    )
    desk.done("ann", "eve", 2, "called")
    shown = desk.command("task", "show", number).output
    for said in ("Ask what went wrong.", "Customer ann", "Outcome, by eve: called"):
        assert said in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "999"), "there is no task 999; `habitue task list` shows their numbers"),
        (("take", "999"), "there is no task 999"),
        (("done", "999"), "there is no task 999"),
        (("reassign", "1", "nobody"), "there is no owner `nobody` in [tasks]; known: care, head, vip-team"),
    ],
)
def test_what_is_not_there_is_said(desk: Desk, words: tuple[str, ...], said: str) -> None:
    ended = desk.program("task", *words)
    assert ended.returncode == 2
    assert said in " ".join(ended.stderr.split())


def test_the_report_says_how_many_and_how_late(desk: Desk) -> None:
    desk.done("ann", "eve", 4)
    with desk.app.database.read() as connection:
        found = report(connection, day(0), day(10), day(3.5))
        assert report(connection, day(2), day(10), day(3.5)) == []
    span = day(1) - day(0)
    assert found == [
        OwnerReport("care", 1, 0, 0, 0, 1, 1, None, None),
        OwnerReport("vip-team", 1, 1, 1, 0, 0, 0, 3 * span, span),
    ]
    told = as_json(desk, "report", "--since", "2026-01-01")
    assert [(one["owner"], one["late"]) for one in told] == [("care", 0), ("vip-team", 1)]
    table = desk.command("task", "report", "--since", "2026-01-01").output
    assert "3.0 days" in table
    assert "1.0 days" in table
    assert "No tasks were made in this time." in desk.command("task", "report", "--since", "1d").output
