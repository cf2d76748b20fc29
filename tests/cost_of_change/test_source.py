"""A fact source from outside the program is checked, computed, explained, and used in rules and templates."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.kinds import SHIPPED, Kinds
from tests.cost_of_change.source import STREAK
from tests.maison import FACTS, email
from tests.world import World, day

KINDS = SHIPPED + Kinds(fact_sources=(STREAK,))
LINE = len(FACTS.splitlines())
"""Lines of the brand's own facts, before those of this test."""
VISITS = """
[events.visited]

[facts.visit_streak]
streak = "visited"
description = "Days in a row with a visit"

[facts.on_a_roll]
expr = "visit_streak >= 2"
"""
HABIT = """
[dimension]
name = "habit"
kind = "tiers"

[[tier]]
name = "daily"
when = "visit_streak >= 3"

[[tier]]
name = "now_and_then"

[[case]]
name = "three days in a row"
given = { visit_streak = 3 }
expect = "daily"
"""
BRAVO = """
[playbook]
name = "bravo"
class = "service"
reentry = "always"
expires = "2d"

[trigger]
enter = { habit = "daily" }

[[step]]
id = "praise"
send = ["email"]
template = "bravo/praise"
"""
FILES = {
    "rules/facts.toml": FACTS + VISITS,
    "rules/habit.toml": HABIT,
    "playbooks/bravo.toml": BRAVO,
    "templates/bravo/praise.email.j2": email("{{ facts.visit_streak }} days in a row", "Bravo"),
}


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    made = World(tmp_path / "maison", database_url, FILES, kinds=KINDS)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("right", "wrong", "found"),
    [
        ('streak = "visited"', 'streak = "visitd"', "5: `streak`: unknown event `visitd`; did you mean `visited`?"),
        ("description", "at_most = 0\ndescription", "6: `at_most` is a number of days, 1 or more"),
        ("description", "at_mots = 9\ndescription", "6: unknown key `at_mots`; did you mean `at_most`?"),
        ("description", 'within = "9d"\ndescription', "6: `within` only goes with `count`, `sum`, `min`, `max`, `average`, `first`, `last`, `distinct`, not with `streak`"),
        ("description", 'count = "visited"\ndescription', "4: a fact needs exactly one source: count, sum, min, max, average, first, last, distinct, attribute, expr, quantile, streak; found `count`, `streak`"),
        ("description", 'type = "text"\ndescription', "6: `type`: this fact is of type integer, not text; remove `type`"),
    ],
)  # fmt: skip
def test_its_mistakes_are_found_where_they_stand(world: World, right: str, wrong: str, found: str) -> None:
    world.write("rules/facts.toml", FACTS + VISITS.replace(right, wrong, 1))
    line, _, message = found.partition(": ")
    told = [str(one) for one in world.findings() if one.file == "rules/facts.toml"]
    assert told == [f"rules/facts.toml:{LINE + int(line)}: error: {message}"]


def test_the_program_alone_does_not_know_it(tmp_path: Path, database_url: str) -> None:
    world = World(tmp_path / "maison", database_url, FILES)
    told = [one.message for one in world.findings() if one.file == "rules/facts.toml"]
    assert len(told) == 1
    assert told[0].startswith("unknown key `streak`; known: ")
    world.close()


def test_it_is_computed_ruled_by_and_written_about_and_time_alone_ends_it(world: World) -> None:
    assert world.findings() == []
    world.open()
    world.user("ann")
    world.user("bob")
    world.tick(0.5)
    for number in (1, 2, 3, 3.5, 4):
        world.event("ann", "visited", number + 0.1)
        world.event("bob", "visited", 2 * number)
    world.tick(3.55, deliver=True)
    assert [(str(mail["To"]), str(mail["Subject"])) for mail in world.mail()] == [
        ("ann@example.com", "3 days in a row")
    ]
    found = world.explain("ann", 3.55)
    [streak] = [fact for fact in found.facts if fact.name == "visit_streak"]
    assert (streak.value, streak.source, streak.description) == (
        3, "days in a row with visited", "Days in a row with a visit",
    )  # fmt: skip
    world.tick(4.2)
    assert streaks(world) == {"ann": (4, True), "bob": (1, False)}
    assert world.rows("SELECT edge_at FROM user_state ORDER BY user_id LIMIT 1") == [(day(6),)]
    world.tick(5.9)
    assert streaks(world)["ann"] == (4, True), "yesterday's visit counts"
    world.tick(6)
    assert streaks(world)["ann"] == (0, False)
    assert world.rows("SELECT to_place FROM transition WHERE dimension = 'habit' AND user_id = 1 ORDER BY id") == [
        ("now_and_then",), ("daily",), ("now_and_then",),
    ]  # fmt: skip
    shown = world.command("explain", "ann", "--at", "2026-01-07T00:00:00Z").output
    assert "days in a row with visited" in shown


def streaks(world: World) -> dict[str, tuple[int, bool]]:
    found = world.rows(
        "SELECT u.key, s.fact_visit_streak, s.fact_on_a_roll FROM user_state s JOIN users u ON u.id = s.user_id"
    )
    return {key: (streak, bool(rolling)) for key, streak, rolling in found}
