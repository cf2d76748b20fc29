"""A worker tells owners beside its ticks; so does ``habitue tick``. Their clock is the machine's: the tasks are overdue."""

from tests.processes import running
from tests.tasks.desk import Desk

OVERDUE = [
    ("care@shop.example", "Overdue: Call Bo"),
    ("head@shop.example", "Overdue: Call Ann"),
    ("head@shop.example", "Overdue: Call Bo"),
    ("vip@shop.example", "Overdue: Call Ann"),
]


def overdue(desk: Desk) -> list[tuple[str, str]]:
    return sorted(one for one in desk.letters() if one[1].startswith("Overdue"))


def test_a_worker_tells_owners(desk: Desk) -> None:
    with running(desk) as worker:
        worker.until(lambda: len(overdue(desk)) == 4, "owners are told")
        assert worker.stop() == 0
        said = worker.said()
    assert overdue(desk) == OVERDUE
    assert "tasks_overdue" in said
    assert "ann" not in said.replace("planned", ""), "personal data in the log"


def test_a_tick_tells_owners(desk: Desk) -> None:
    assert desk.command("tick").exit_code == 0
    assert overdue(desk) == OVERDUE
