"""Playbooks that ask about time reach users to whom nothing happens, also when they come or change later."""

from pathlib import Path

import pytest

from engine.clock import DAY, Instant
from tests.worker.house import FACTS, VALUE, House

START = Instant(1_767_225_600_000)
"""2026-01-01."""
SEEN = '\n[facts.last_order_at]\nlast = "order_completed"\n'
SEND = '[[step]]\nid = "hello"\nsend = ["email"]\ntemplate = "shop/hello"\n'
HEAD = '[playbook]\nname = "quiet"\nclass = "service"\nreentry = "once"\nexpires = "7d"\n'
LONG_AGO = "days_since(last_order_at) > 30"


def day(number: int) -> Instant:
    return Instant(START + number * DAY)


@pytest.fixture
def old_house(database_url: str, tmp_path: Path) -> House:
    """A house that lives from 2026 on, with one user, who ordered on the first day and whom nothing makes due."""
    house = House(tmp_path / "shop", database_url)
    house.write("rules/facts.toml", FACTS + SEEN)
    house.write("rules/value.toml", VALUE)
    house.migrate(START)
    house.people(1, day(0), first=4)
    live(house, 0)
    live(house, 1)
    return house


def live(house: House, number: int) -> None:
    with house.app(day(number)) as app:
        app.tick(app.content(), day(number))


def enrolments(house: House) -> list[tuple[object, ...]]:
    return house.rows("SELECT state, reason, entered_at FROM enrolment WHERE playbook = 'quiet'")


def test_a_new_playbook_reaches_whom_its_condition_comes_to_fit_later(old_house: House) -> None:
    house = old_house
    house.write("playbooks/quiet.toml", f'{HEAD}[trigger]\nwhen = "{LONG_AGO}"\n{SEND}')
    live(house, 2)
    assert enrolments(house) == []
    live(house, 31)
    assert enrolments(house) == [("finished", "completed", day(31))]


def test_whoever_is_enrolled_is_let_out_by_the_exit_of_the_version_they_entered(old_house: House) -> None:
    house = old_house
    trigger = '[trigger]\nevent = "order_completed"\n'
    steps = f'[[step]]\nwait = "60d"\n{SEND}'
    house.write("playbooks/quiet.toml", f'{HEAD}{trigger}[exit]\nwhen = "{LONG_AGO}"\n{steps}')
    live(house, 2)
    house.people(1, day(3), first=8)
    live(house, 3)
    house.write("playbooks/quiet.toml", f"{HEAD}{trigger}{steps}")
    house.execute("UPDATE user_state SET due_at = 0")  # looked at once more, by files that know no exit
    live(house, 4)
    assert [state for state, _, _ in enrolments(house)] == ["active"]
    live(house, 34)
    assert [found[:2] for found in enrolments(house)] == [("exited", "exit_condition")]
