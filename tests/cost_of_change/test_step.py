"""A kind of step from outside the program is checked, compiled, lived through, explained and logged."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.kinds import SHIPPED, Kinds
from tests.cost_of_change.fax import FAX_KINDS
from tests.cost_of_change.step import FORGETFUL, SPLIT
from tests.maison import email
from tests.world import World

SURVEY = """
[playbook]
name = "survey"
class = "service"
expires = "5d"

[trigger]
event = "review_posted"

[[step]]
id = "halves"
split = { percent = 50, to = "b" }

[[step]]
id = "a"
send = ["email"]
template = "survey/a"

[[step]]
exit = "saw_a"

[[step]]
id = "b"
send = ["email"]
template = "survey/b"
"""
FILES = {
    "playbooks/survey.toml": SURVEY,
    "templates/survey/a.email.j2": email("Version A", "A"),
    "templates/survey/b.email.j2": email("Version B", "B"),
}
USERS = tuple(f"u{number:02}" for number in range(24))


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    made = World(tmp_path / "maison", database_url, FILES, kinds=SHIPPED + Kinds(steps=(SPLIT,)))
    yield made
    made.close()


def lived(world: World) -> World:
    world.open()
    for key in USERS:
        world.user(key)
        world.event(key, "review_posted", 1)
    world.tick(1, deliver=True)
    return world


def test_a_brand_lives_by_it(world: World) -> None:
    assert [finding for finding in world.findings() if finding.severity == "error"] == []
    lived(world)
    subjects = [str(mail["Subject"]) for mail in world.mail()]
    assert len(subjects) == len(USERS)
    assert 5 <= subjects.count("Version A") <= 19
    assert subjects.count("Version B") == len(USERS) - subjects.count("Version A")

    logged = world.command("log", "--playbook", "survey", "--limit", "100", "--json").output.splitlines()
    rows = [json.loads(line) for line in logged]
    shown = {row["user"]: row["step"] for row in rows}
    assert set(shown) == set(USERS)
    for mail in world.mail():
        assert shown[str(mail["To"]).split("@")[0]] == str(mail["Subject"])[-1].lower()

    reasons = {key: world.explain(key, 1).enrolments[0].reason for key in USERS[:4]}
    assert reasons == {key: "saw_a" if shown[key] == "a" else "completed" for key in USERS[:4]}


def test_whom_it_leaves_out_is_told_why(world: World) -> None:
    world.write("playbooks/survey.toml", SURVEY.replace(', to = "b"', "").replace('[[step]]\nexit = "saw_a"\n', ""))
    lived(world)
    query = "SELECT u.key FROM enrolment AS n JOIN users AS u ON u.id = n.user_id WHERE n.reason = 'left_out_by_split'"
    left_out = [key for (key,) in world.rows(query)]
    assert 5 <= len(left_out) <= 19
    assert len(world.mail()) == 2 * (len(USERS) - len(left_out))
    (enrolment,) = world.explain(left_out[0], 1).enrolments
    assert enrolment.sentence == "The user was in the share that the split leaves out."


def test_it_goes_on_from_the_version_that_was_entered(world: World) -> None:
    """That version is read with all kinds, too: it sends by a channel that the program does not have."""
    world.kinds += FAX_KINDS
    entered = SURVEY.replace("[[step]]\nid", '[[step]]\nwait = "2d"\n\n[[step]]\nid', 1)
    world.write("playbooks/survey.toml", entered.replace('["email"]', '["fax", "email"]'))
    lived(world)
    world.write("playbooks/survey.toml", SURVEY.replace("50", "1"))
    world.tick(3, deliver=True)
    subjects = [str(mail["Subject"]) for mail in world.mail()]
    assert 5 <= subjects.count("Version A") <= 19


def test_a_kind_that_forgets_an_enrolment_stops_its_playbook_and_does_not_run_for_ever(world: World) -> None:
    world.kinds = SHIPPED + Kinds(steps=(FORGETFUL,))
    survey = SURVEY.replace('split = { percent = 50, to = "b" }', "forget = true").replace(
        'exit = "saw_a"', 'wait = "1d"'
    )
    world.write("playbooks/survey.toml", survey)
    world.configure()
    world.open()
    world.user("ann")
    world.event("ann", "review_posted", 1)
    done = world.tick(1)
    assert done.actions == 0
    [alarm] = done.alarms
    assert alarm.subject == "playbook `survey` has stopped"
    assert "RuntimeError at advance.py:" in alarm.detail


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ('"b" }', '"c" }', 12, "unknown step `c`; known: `a`, `b`, `halves`"),
        ("50", "150", 12, "`percent`: input should be less than 100, not 150"),
        ("percent", "per_cent", 12, "unknown key `per_cent`; did you mean `percent`?"),
        ("split", "splt", 12, "unknown key `splt`; did you mean `split`?"),
        (
            "split =",
            'template = "survey/a"\nsplit =',
            10,
            "`template` belongs to a step of kind send or send_all, not `split`",
        ),
        (
            'id = "a"',
            'id = "a"\nsplit = { percent = 2 }',
            14,
            "a step is exactly one of send, send_all, wait, wait_until, wait_for,",
        ),
    ],
)
def test_mistakes_in_it_are_found_where_they_are(world: World, old: str, new: str, line: int, said: str) -> None:
    world.write("playbooks/survey.toml", SURVEY.replace(old, new, 1))
    done = world.command("check")
    assert done.exit_code == 1
    assert f"playbooks/survey.toml:{line}: error: {said}" in done.output
