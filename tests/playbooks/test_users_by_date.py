"""The users of a date are found by an index, whatever else the query knows about them."""

import pytest

from tests.plans import noted_plans
from tests.playbooks.files import apply, playbook
from tests.world import World, number


@pytest.mark.parametrize(("every", "born"), [("year", "1990-05-17"), ("once", "2026-05-17")])
def test_the_users_of_a_day_are_found_by_their_dates_alone(world: World, every: str, born: str) -> None:
    apply(world, playbook(trigger=f'date = {{ fact = "birthday", every = "{every}" }}'))
    user, _ = world.user("a", birthday=born), world.user("b", birthday="1990-05-18")
    world.tick(number("2026-05-16T00:00"))
    with noted_plans(world.app.database, of="INSERT INTO enrolment") as found:
        world.tick(number("2026-05-17T10:00"))
    assert [row[0] for row in world.enrolments()] == [user]
    assert any("user_date_day" in plan for plan in found)
    assert not any("sqlite_autoindex_user_date" in plan or "user_date_pkey" in plan for plan in found)
