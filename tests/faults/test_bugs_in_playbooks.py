"""A bug in a kind of step or trigger stops only its playbook, which resumes by itself when the bug is fixed."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.clock import DAY, HOUR, MINUTE, SECOND
from engine.playbooks.due_enrolments import EnrolmentsAtStep
from tests.faults.shaky import Bug, forgetful, half_done, shaky_kinds, wrong_sql, wrong_type
from tests.maison import email
from tests.world import START, World, day

REVIEW = """
[playbook]
name = "review"
class = "service"
reentry = "always"
expires = "5d"

[trigger]
event = "review_posted"

[exit]
event = "signed_up"

[[step]]
id = "work"
shaky = true

[[step]]
id = "thanks"
send = ["email"]
template = "review/thanks"
"""
BY_TRIGGER = REVIEW.replace('event = "review_posted"', "shaky_event = true")
BY_READS = REVIEW.replace('event = "review_posted"', "shaky_property = 'reads_events'")
BY_DAY = REVIEW.replace('event = "review_posted"', "shaky_day = true")
OTHER = REVIEW.replace('"review"', '"other"').replace("shaky = true", 'wait = "0s"').replace("review/", "other/")
FILES = {
    "playbooks/other.toml": OTHER,
    "templates/review/thanks.email.j2": email("Review", "Thank you"),
    "templates/other/thanks.email.j2": email("Other", "Thank you"),
}
USERS = ("ann", "bob", "cy")
STEP = REVIEW
EXIT_SECTION = '[exit]\nevent = "signed_up"'
EXIT = REVIEW.replace("shaky = true", "shaky_exit = true")


def named(part: str, playbook: str, planted: Callable[[EnrolmentsAtStep | None], None], where: str) -> object:
    return pytest.param(playbook, planted, where, id=f"{part}-{planted.__name__}")


@pytest.fixture
def bug() -> Bug:
    return Bug()


@pytest.fixture
def world(tmp_path: Path, database_url: str, bug: Bug) -> Iterator[World]:
    made = World(tmp_path / "maison", database_url, FILES, kinds=shaky_kinds(bug))
    yield made
    made.close()


def begun(world: World, playbook: str) -> None:
    world.write("playbooks/review.toml", playbook)
    world.open()
    for key in USERS:
        world.user(key)
        world.event(key, "review_posted", 3)


def subjects(world: World) -> Counter[str]:
    return Counter(f"{mail['To']}: {mail['Subject']}".replace("@example.com", "") for mail in world.mail())


def everybodys(*kinds: str) -> Counter[str]:
    return Counter({f"{user}: {kind}": 1 for user in USERS for kind in kinds})


@pytest.mark.parametrize(
    ("playbook", "planted", "where"),
    [
        named("step", STEP, wrong_type, r"playbook `review` .*KeyError at shaky.py:\d+ < shaky.py:\d+ < "),
        named("step", STEP, half_done, r"playbook `review` .*KeyError at shaky.py:\d+ < shaky.py:\d+ < "),
        named("step", STEP, wrong_sql, r"playbook `review` .*(Error|UndefinedColumn) at .* < shaky.py:\d+ < "),
        named("step", STEP, forgetful, r"playbook `review` .*RuntimeError at advance.py:\d+ < "),
        named("exit", EXIT, wrong_type, r"leaving playbook `review` .*KeyError at shaky.py:\d+ < shaky.py:\d+"),
        named("trigger", BY_TRIGGER, wrong_type, r"enrolling in playbook `review` .*KeyError at shaky.py:\d+ < "),
        named("reads", BY_READS, wrong_type, r"enrolling in playbook `review` .*KeyError at shaky.py:\d+ < "),
        named("day", BY_DAY, wrong_type, r"enrolling in playbook `review` .*KeyError at shaky.py:\d+ < "),
    ],
)
def test_only_its_playbook_stops_and_it_resumes_when_the_bug_is_fixed(
    world: World, bug: Bug, playbook: str, planted: Callable[[EnrolmentsAtStep | None], None], where: str
) -> None:
    begun(world, playbook.replace("shaky = true", 'wait = "0s"') if "shaky_" in playbook else playbook)
    bug.planted = planted
    done = world.tick(3.5, deliver=True)

    assert subjects(world) == everybodys("Other")
    assert set(world.rows("SELECT timezone FROM users")) == {("UTC",)}, "part of the failed step's work was kept"
    waiting = world.rows(
        "SELECT step, state, due_at <= :now FROM enrolment WHERE playbook = 'review'", now=world.clock.now()
    )
    assert set(waiting) <= {(0, "active", True)}
    assert world.rows("SELECT * FROM quarantine") == []
    [alarm] = done.alarms
    assert re.search(where, str(alarm)), alarm
    assert alarm.until == world.clock.now() + 5 * SECOND
    told = world.command("status")
    assert told.exit_code == 1
    assert re.search(r"`review` has stopped since .*\.py:\d+", " ".join(told.output.split()))

    assert later(world, bug, 1 * SECOND) == 0, "it is not tried before the pause ends"
    assert later(world, bug, 5 * SECOND) > 0
    assert later(world, bug, 9 * SECOND) == 0, "the second pause is longer"
    assert subjects(world) == everybodys("Other")

    bug.planted = None
    done = world.tick(3.5 + 10 * MINUTE / DAY, deliver=True)
    assert done.alarms == ()
    world.tick(3.5 + HOUR / DAY, deliver=True)
    assert subjects(world) == everybodys("Other", "Review")
    assert not [
        one for one in json.loads(world.command("status", "--json").output)["attention"] if "review" in str(one)
    ]
    assert set(world.rows("SELECT state FROM enrolment")) == {("finished",)}


def later(world: World, bug: Bug, milliseconds: int) -> int:
    """Tick that much later; return how often the code with the bug ran."""
    before = bug.runs
    world.tick((world.clock.now() - START + milliseconds) / DAY, deliver=True)
    return bug.runs - before


@pytest.mark.parametrize("playbook", [STEP, EXIT, BY_TRIGGER, BY_DAY])
def test_the_playbook_resumes_when_the_fixed_program_is_restarted(world: World, bug: Bug, playbook: str) -> None:
    begun(world, playbook.replace("shaky = true", 'wait = "0s"') if "shaky_" in playbook else playbook)
    bug.planted = wrong_type
    world.tick(3.5, deliver=True)
    world.close()
    bug.planted = None
    world.tick(3.6, deliver=True)
    assert subjects(world) == everybodys("Other", "Review")


def test_users_who_must_leave_get_nothing_when_it_resumes(world: World, bug: Bug) -> None:
    begun(world, EXIT)
    bug.planted = wrong_type
    world.tick(3.5, deliver=True)
    world.event("ann", "signed_up", 3.6)
    world.tick(3.7, deliver=True)
    bug.planted = None
    world.tick(3.8, deliver=True)
    world.tick(3.9, deliver=True)
    assert {key for key in subjects(world) if "Review" in key} == {"bob: Review", "cy: Review"}
    ended = {one.playbook: one.reason for one in world.explain("ann", 3.9).enrolments}
    assert (ended["other"], ended["review"]) == ("completed", "exit_event")


def restart(world: World) -> None:
    world.close()


def edit(world: World) -> None:
    world.write("templates/other/thanks.email.j2", email("Other", "Thanks!"))


@pytest.mark.parametrize("change", [restart, edit])
def test_users_who_left_during_the_pause_get_nothing_from_a_process_that_knows_of_no_pause(
    world: World, bug: Bug, change: Callable[[World], None]
) -> None:
    begun(world, EXIT)
    bug.planted = wrong_type
    world.tick(3.5, deliver=True)
    for _ in range(2):
        assert later(world, bug, 10 * SECOND) > 0, "the pauses become long enough"
    world.event("ann", "signed_up", (world.clock.now() + SECOND - START) / DAY)
    assert later(world, bug, 2 * SECOND) == 0, "her exit is not checked in the pause"
    bug.planted = None
    change(world)
    later(world, bug, SECOND)
    assert subjects(world) == everybodys("Other") + Counter(["ann: Hello", "bob: Review", "cy: Review"])


def test_users_who_enter_a_version_without_the_bug_do_not_wait_for_those_of_the_old_one(world: World, bug: Bug) -> None:
    begun(world, STEP)
    bug.planted = wrong_type
    world.tick(3.5, deliver=True)
    world.write("playbooks/review.toml", STEP.replace("shaky = true", 'wait = "0s"'))
    world.user("dan")
    world.event("dan", "review_posted", 3.6)
    done = world.tick(3.7, deliver=True)
    assert [str(alarm).split(" has")[0] for alarm in done.alarms] == ["playbook `review`"]
    assert {key for key in subjects(world) if "Review" in key} == {"dan: Review"}
    bug.planted = None
    world.tick(4, deliver=True)
    assert subjects(world) - everybodys("Other") == everybodys("Review") + Counter(["dan: Review", "dan: Other"])


@pytest.mark.parametrize("place", ["conditions", "local_time", "reads_events"])
def test_a_trigger_whose_properties_fail_in_a_new_release_stops_only_its_playbook(
    world: World, bug: Bug, place: str
) -> None:
    begun(
        world,
        BY_TRIGGER.replace("shaky_event = true", f"shaky_property = '{place}'").replace("shaky =", "shaky_exit ="),
    )
    bug.planted = wrong_type
    world.close()
    done = world.tick(3.5, deliver=True)
    assert subjects(world) == everybodys("Other")
    [alarm] = done.alarms
    assert re.search(r"enrolling in playbook `review` .*KeyError at shaky.py:\d+ < ", str(alarm)), alarm
    assert later(world, bug, SECOND) == 0
    assert later(world, bug, 5 * SECOND) > 0
    bug.planted = None
    assert world.tick(3.6, deliver=True).alarms == ()
    assert subjects(world) == everybodys("Other", "Review")


def test_an_older_version_that_fails_to_compile_in_a_new_release_stops_alone_and_is_compiled_again(
    world: World, bug: Bug
) -> None:
    """When it compiles again, its exits hold again, also those that time alone brings about."""
    leaving = f"{EXIT_SECTION}\nwhen = 'days_since(last_order_at) > 3'"
    older = REVIEW.replace("shaky = true", 'shaky_compile = true\n\n[[step]]\nwait = "2d"')
    begun(world, older.replace(EXIT_SECTION, leaving))
    world.order("ann", 0.6)
    world.tick(3.5, deliver=True)
    world.write("playbooks/review.toml", REVIEW.replace("shaky = true", 'wait = "0s"'))
    world.tick(3.51, deliver=True)

    bug.planted = wrong_type
    world.close()
    world.user("dan")
    world.event("dan", "review_posted", 3.52)
    world.user("ann", is_vip=True)
    done = world.tick(3.6, deliver=True)
    assert {key for key in subjects(world) if "Review" in key} == {"dan: Review"}
    [alarm] = done.alarms
    assert re.search(r"leaving playbook `review` .*KeyError at shaky.py:\d+ < .*compiling.py:\d+", str(alarm)), alarm
    assert world.command("status").exit_code == 1
    assert later(world, bug, SECOND) == 0
    assert later(world, bug, 5 * SECOND) > 0

    bug.planted = None
    assert world.tick(3.7, deliver=True).alarms == ()
    world.tick(4.8, deliver=True)
    ended = world.rows("SELECT u.key, n.reason FROM enrolment AS n JOIN users AS u ON u.id = n.user_id"
                       " WHERE n.playbook = 'review' AND n.ended_at = :now", now=day(4.8))  # fmt: skip
    assert ended == [("ann", "exit_condition")]
    world.tick(5.5, deliver=True)
    assert {key for key in subjects(world) if "Review" in key} == {f"{user}: Review" for user in ("bob", "cy", "dan")}


def test_the_command_reports_it_and_the_next_tick_retries(world: World, bug: Bug) -> None:
    begun(world, STEP)
    bug.planted = wrong_type
    told = world.command("tick", "--at", "2026-01-04T12:00:00Z")
    assert told.exit_code == 2
    assert re.search(r"playbook `review` has stopped since .*shaky.py:\d+.*its users are waiting", told.output)
    assert subjects(world) == everybodys("Other")
    bug.planted = None
    told = world.command("tick", "--at", "2026-01-04T12:00:01Z")
    assert told.exit_code == 0, told.output
    assert subjects(world) == everybodys("Other", "Review")
