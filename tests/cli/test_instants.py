"""Instants that people give to commands: an odd one is a sentence, and leaves the store as it is."""

import pytest

from engine.cli.context import parse_instant
from engine.errors import InputError
from tests.world import World

OUTSIDE = (
    "0001-01-01",
    "0001-01-01T00:00:00+14:00",
    "1970-01-01T00:00:00Z",
    "1989-12-31T23:59:59.999Z",
    "1990-01-01T00:00:00+14:00",
    "2100-01-01T00:00:00.001Z",
    "2100-01-01T00:00:00-14:00",
    "2205-12-04",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-14:00",
)
NONE = (
    "24:00",
    "2026-02-30",
    "2026-11-21T10:00:00+25:00",
    "tomorrow",
    "1790000000",
    "20261-01-01",
    "２０２６-01-0x",
    "\x00",
)
EMPTY = ("", "  ", "\t")
COMMANDS = (
    ("tick", "--at"),
    ("explain", "ann", "--at"),
    ("log", "--since"),
    ("log", "--until"),
    ("demo", "--end"),
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: " ".join((words[0], words[-1])))
def test_an_odd_instant_is_a_sentence_and_changes_nothing(world: World, command: tuple[str, ...]) -> None:
    world.user("ann")
    before = world.rows("SELECT id, at FROM tick")
    for given, said in (
        *((one, "is not between 1990-01-01 and 2100-01-01") for one in OUTSIDE),
        *((one, "is not a date or time") for one in NONE),
        *((one, "is empty") for one in EMPTY),
    ):
        done = world.program(*command, given)
        assert (done.returncode, said in done.stderr) == (2, True), f"{given!r}: {done.stderr}"
        assert "Traceback" not in done.stderr
    assert world.rows("SELECT id, at FROM tick") == before
    world.tick(1)  # the store is as free as before
    assert len(world.rows("SELECT at FROM tick")) == len(before) + 1


@pytest.mark.parametrize(
    ("given", "zone", "meant"),
    [
        ("1990-01-01", "UTC", 631_152_000_000),
        ("2100-01-01", "UTC", 4_102_444_800_000),
        ("2026-01-31", "Asia/Tokyo", 1_769_785_200_000),
        ("2026-01-31T10:00:00+14:00", "UTC", 1_769_803_200_000),
        ("2026-01-31T10:00:00-14:00", "UTC", 1_769_904_000_000),
        ("2026-01-31 10:00", "UTC", 1_769_853_600_000),
    ],
)
def test_instants_in_range_are_read(given: str, zone: str, meant: int) -> None:
    assert parse_instant(given, zone) == meant


def test_zones_count() -> None:
    assert parse_instant("2100-01-01", "Pacific/Kiritimati") < parse_instant("2100-01-01")
    with pytest.raises(InputError, match="check the year"):
        parse_instant("1990-01-01", "Asia/Tokyo")


def test_a_time_long_ago_is_the_beginning_of_the_log(world: World) -> None:
    codes = {ago: world.program("log", "--since", ago).returncode for ago in ("36500d", "999999999d")}
    assert codes == {"36500d": 0, "999999999d": 2}
