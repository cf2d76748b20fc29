"""Maison lives as a brand does: the one brand of the tests is sound, and so are the doors of its world."""

from pathlib import Path

import pytest

from tests.world import World


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> World:
    return World(tmp_path / "maison", database_url)


def test_its_files_are_without_findings(world: World) -> None:
    assert world.findings() == []


def test_a_season_of_it(world: World) -> None:
    world.open()
    world.codes("AAA", "BBB", "CCC")
    world.user("ann", 0, first_name="Ann", birthday="1990-01-20")
    world.event("ann", "signed_up", 0.5)
    for number in range(3):
        world.order("ann", 5 + number, 20_000, category="beauty")
    world.live(90)
    subjects = [str(mail["Subject"]) for mail in world.mail()]
    assert subjects == [
        "5 for you", "Happy birthday", "Hello", *["Thank you for $200.00"] * 3, "We miss you, Ann",
    ]  # fmt: skip
    assert world.states() == {"accepted:accepted": 7}
    found = world.explain("ann", 90)
    assert {one.dimension: [str(p) for p in one.places] for one in found.dimensions}["lifecycle"] == ["at_risk"]
    world.close()
