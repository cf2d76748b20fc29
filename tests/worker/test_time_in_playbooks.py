"""Playbooks with time conditions reach users who do nothing, even if the playbook is added or changed later."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import migrate, people, quick
from tests.world import World, day

SEND = '[[step]]\nid = "hello"\nsend = ["email"]\ntemplate = "welcome/hello"\n'
HEAD = '[playbook]\nname = "quiet"\nclass = "service"\nreentry = "once"\nexpires = "7d"\n'
LONG_AGO = "days_since(last_order_at) > 30"


@pytest.fixture
def old_world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """A world that lives from 2026 on, with one user, who ordered on the first day and whom nothing makes due."""
    world = quick(tmp_path / "maison", database_url)
    migrate(world, day(0))
    people(world, 1, day(0), first=4)
    world.tick(0)
    world.tick(1)
    yield world
    world.close()


def enrolments(world: World) -> list[tuple[object, ...]]:
    return world.rows("SELECT state, reason, entered_at FROM enrolment WHERE playbook = 'quiet'")


def test_a_new_playbook_reaches_whom_its_condition_comes_to_fit_later(old_world: World) -> None:
    world = old_world
    world.write("playbooks/quiet.toml", f'{HEAD}[trigger]\nwhen = "{LONG_AGO}"\n{SEND}')
    world.tick(2)
    assert enrolments(world) == []
    world.tick(31)
    assert enrolments(world) == [("finished", "completed", day(31))]


def test_whoever_is_enrolled_is_let_out_by_the_exit_of_the_version_they_entered(old_world: World) -> None:
    world = old_world
    trigger = '[trigger]\nevent = "order_completed"\n'
    steps = f'[[step]]\nwait = "60d"\n{SEND}'
    world.write("playbooks/quiet.toml", f'{HEAD}{trigger}[exit]\nwhen = "{LONG_AGO}"\n{steps}')
    world.tick(2)
    people(world, 1, day(3), first=8)
    world.tick(3)
    world.write("playbooks/quiet.toml", f"{HEAD}{trigger}{steps}")
    world.execute("UPDATE user_due SET due_at = 0")  # evaluated once more, under files without an exit
    world.tick(4)
    assert [state for state, _, _ in enrolments(world)] == ["active"]
    world.tick(34)
    assert [found[:2] for found in enrolments(world)] == [("exited", "exit_condition")]
