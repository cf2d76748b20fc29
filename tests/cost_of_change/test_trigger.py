"""A kind of trigger from outside the program is checked, compiled, executed, explained and logged."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.kinds import SHIPPED, Kinds
from tests.cost_of_change.trigger import SILENCE
from tests.maison import email
from tests.world import World

NUDGE = """
[playbook]
name = "nudge"
class = "service"
reentry = "20d"
expires = "5d"

[trigger]
silence = { since = "last_order_at", longer_than = "10d" }

[audience]
when = "orders >= 2"

[[step]]
id = "hey"
send = ["email"]
template = "nudge/hey"
"""
FILES = {
    "playbooks/thanks.toml": None,
    "templates/thanks/mail.email.j2": None,
    "templates/thanks/mail.email.zh-CN.j2": None,
    "playbooks/nudge.toml": NUDGE,
    "templates/nudge/hey.email.j2": email("Hey", "Anything new?"),
}


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    made = World(tmp_path / "maison", database_url, FILES, kinds=SHIPPED + Kinds(triggers=(SILENCE,)))
    yield made
    made.close()


def test_a_brand_lives_by_it(world: World) -> None:
    assert [finding for finding in world.findings() if finding.severity == "error"] == []
    world.open()
    world.user("ann")
    world.user("ben")
    for day in (1, 2):
        world.order("ann", day)
    world.order("ben", 2)
    world.tick(11, deliver=True)
    assert world.mail() == []
    said = {one.playbook: one for one in world.explain("ann", 11).playbooks}["nudge"]
    assert (said.inside, said.reason, said.detail) == (False, "not_silent_yet", "not before 2026-01-13T00:00:00Z")
    assert said.sentence == "The user was active too recently."
    due = world.explain("ann", 11).next_evaluation
    assert due is not None
    assert any("the playbook nudge" in why for why in due.why)

    world.live(14, since=12)
    assert [str(mail["To"]) for mail in world.mail()] == ["ann@example.com"]
    reasons = {one.playbook: one.reason for one in world.explain("ben", 14).playbooks}
    assert reasons["nudge"] == "audience_does_not_hold"
    (enrolment,) = world.explain("ann", 14).enrolments
    assert enrolment.trigger == "silence since 2026-01-03T00:00:00Z"
    assert {one.playbook: one.reason for one in world.explain("ann", 14).playbooks}["nudge"] == "same_occurrence"


def test_each_silence_counts_once_and_the_log_shows_both(world: World) -> None:
    world.open()
    world.user("ann")
    for day in (1, 2, 30):
        world.order("ann", day)
    for day in (2, 12, 15, 30, 40, 50):
        world.tick(day, deliver=True)
    logged = world.command("log", "--playbook", "nudge", "--json").output.splitlines()
    rows = [json.loads(line) for line in logged]
    assert [(row["step"], row["state"], row["at"][:10]) for row in rows] == [
        ("hey", "accepted", "2026-01-13"),
        ("hey", "accepted", "2026-02-10"),
    ]
    assert world.command("explain", "ann").output.count("silence since") == 2


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ('"last_order_at"', '"last_ordr_at"', 9, "unknown fact `last_ordr_at`; did you mean `last_order_at`?"),
        ('"10d"', '"36h"', 9, "a silence is counted in whole days; write for example `10d`"),
        ('"10d"', '"ten"', 9, "`ten` is not a duration"),
        ("longer_than", "longer", 9, "unknown key `longer`; did you mean `longer_than`?"),
        ("silence", "silense", 9, "unknown key `silense`; did you mean `silence`?"),
        (
            "[trigger]",
            '[trigger]\nevent = "signed_up"',
            8,
            "a trigger has exactly one of enter, leave, event, date, schedule, when, silence; found `event`, `silence`",
        ),
    ],
)
def test_mistakes_in_it_are_found_where_they_are(world: World, old: str, new: str, line: int, said: str) -> None:
    world.write("playbooks/nudge.toml", NUDGE.replace(old, new, 1))
    done = world.command("check")
    assert done.exit_code == 1
    assert f"playbooks/nudge.toml:{line}: error: {said}" in done.output


def test_without_the_kind_the_file_is_wrong(world: World) -> None:
    world.kinds = SHIPPED
    assert "unknown key `silence`" in world.command("check").output
