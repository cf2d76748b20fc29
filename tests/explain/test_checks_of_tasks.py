"""What ``habitue status`` says of tasks for people: those that are overdue, and owners who cannot be told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.explain.health_models import Attention
from tests.docs.test_commands import named, unknown
from tests.explain.checking import status
from tests.tasks.desk import TASKS, Desk


@pytest.fixture
def desk(tmp_path: Path, database_url: str) -> Iterator[Desk]:
    """Two tasks that are due on day 3, and no way to send mail."""
    made = Desk.create(tmp_path / "maison", database_url, TASKS, channels={"email": {"adapters": []}})
    yield made
    made.close()


def of_tasks(desk: Desk, at: float, check: str) -> list[Attention]:
    found = [one for one in status(desk, at).attention if one.check == check]
    for one in found:
        assert [what for words in named(one.remedy) if (what := unknown(words))] == [], "its commands exist"
    return found


def test_what_is_overdue_is_said_until_it_is_done(desk: Desk) -> None:
    assert of_tasks(desk, 2.9, "tasks_overdue") == []
    assert [(one.subject, one.message) for one in of_tasks(desk, 3, "tasks_overdue")] == [
        ("tasks of care", "1 task overdue, the oldest since 2026-01-04T00:00:00Z"),
        ("tasks of vip-team", "1 task overdue, the oldest since 2026-01-04T00:00:00Z"),
    ]
    desk.take("ann", "eve", 3.1)
    desk.cancel("bo", "eve", 3.1)
    assert [one.subject for one in of_tasks(desk, 3.2, "tasks_overdue")] == ["tasks of vip-team"], "taken is not done"
    desk.done("ann", "eve", 3.3)
    assert of_tasks(desk, 3.4, "tasks_overdue") == []


def test_who_cannot_be_told_is_said_after_three_tries(desk: Desk) -> None:
    for at in (1.1, 1.2):
        desk.told(at)
    assert of_tasks(desk, 1.3, "owners_untold") == []
    desk.told(1.4)
    assert [(one.subject, one.message) for one in of_tasks(desk, 1.5, "owners_untold")] == [
        ("tasks of care", "care cannot be told of 1 task: no_adapter"),
        ("tasks of vip-team", "vip-team cannot be told of 1 task: no_adapter"),
    ]
    desk.configure(channels={"email": {"adapters": ["capture"]}})
    desk.told(1.6)
    assert of_tasks(desk, 1.7, "owners_untold") == []
