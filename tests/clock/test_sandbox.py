"""A tick far ahead of the real time needs a sandbox, because nothing it does can be taken back."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.registry import ADAPTERS
from engine.clock import DAY, HOUR, Instant, WallClock, iso
from engine.kinds import SHIPPED
from tests.world import START, World, day

AHEAD = "2099-12-04"


@pytest.fixture
def empty(tmp_path: Path, database_url: str) -> Iterator[World]:
    """Maison, migrated, before its first tick; its mail would leave by SMTP."""
    made = World(tmp_path / "maison", database_url, settings={"channels.email": {"adapters": ["smtp"]}})
    made.app.migrate(made.content())
    yield made
    made.close()


def ticks(world: World) -> list[int]:
    return [at for (at,) in world.rows("SELECT at FROM tick ORDER BY id")]


def far(by: int) -> str:
    return iso(WallClock().now() + by)


@pytest.mark.parametrize("words", [(), ("--no-deliver",), ("--json",)], ids=str)
def test_a_mistyped_year_is_refused(empty: World, words: tuple[str, ...]) -> None:
    empty.user("ann")
    for at in (AHEAD, far(DAY + HOUR)):
        done = empty.program("tick", "--at", at, *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert "more than a day ahead of the real time" in done.stderr
        assert "habitue admin sandbox on" in done.stderr
    assert ticks(empty) == []
    assert empty.rows("SELECT * FROM version") == [], "nothing was applied either"


def test_capture_makes_no_difference_because_the_clock_would_move(world: World) -> None:
    assert world.program("tick", "--at", AHEAD).returncode == 2
    assert ticks(world) == [START]


def test_a_clock_that_is_an_hour_ahead_may_tick(empty: World) -> None:
    assert empty.program("tick", "--no-deliver", "--at", far(HOUR)).returncode == 0
    assert len(ticks(empty)) == 1


def test_a_marked_store_may_be_moved(empty: World) -> None:
    empty.user("ann")
    done = empty.program("admin", "sandbox", "on", "--who", "bea", "--reason", "the spring campaign")
    assert (done.returncode, done.stdout) == (0, "This store is a sandbox now.\n")
    assert empty.program("tick", "--no-deliver", "--at", AHEAD).returncode == 0
    assert [iso(at) for at in ticks(empty)] == ["2099-12-04T00:00:00Z"]
    assert empty.rows("SELECT command, who, why FROM intervention") == [("sandbox on", "bea", "the spring campaign")]
    assert "this store is a sandbox" in empty.program("status").stdout


def test_the_mark_can_be_removed(empty: World) -> None:
    for wanted, said in (
        ("off", "no sandbox anyway"),
        ("on", "a sandbox now"),
        ("on", "a sandbox already"),
        ("off", "no sandbox now"),
    ):
        done = empty.program("admin", "sandbox", wanted)
        assert (done.returncode, said in done.stdout) == (0, True), done.stdout
    assert [command for (command,) in empty.rows("SELECT command FROM intervention ORDER BY id")] == [
        "sandbox on",
        "sandbox off",
    ]
    assert empty.program("tick", "--at", AHEAD).returncode == 2
    assert "sandbox" not in empty.program("status").stdout


def test_looking_writes_nothing(empty: World) -> None:
    shown = json.loads(empty.program("admin", "sandbox", "on", "--dry-run", "--json").stdout)
    assert shown == {"sandbox": True, "changed": True, "dry_run": True}
    assert empty.program("admin", "sandbox").stdout == "This store is no sandbox.\n"
    assert empty.rows("SELECT * FROM intervention") == []


def test_a_store_in_use_cannot_become_one(world: World) -> None:
    world.user("ann")
    world.tick(1)
    for words in ((), ("--dry-run",)):
        done = world.program("admin", "sandbox", "on", *words)
        assert (done.returncode, "customers have been evaluated" in done.stderr) == (2, True)
    assert world.rows("SELECT * FROM intervention") == []


def test_only_what_a_real_adapter_sent_counts_as_sent(world: World) -> None:
    world.codes("C-1")
    world.user("ann", consents={"email": True})
    world.order("ann", 1, category="beauty")
    world.tick(2.5, deliver=True)
    with world.app.database.write() as connection:
        connection.exec_driver_sql("UPDATE user_due SET evaluated_at = NULL")  # as if everybody had been erased
    assert world.rows("SELECT adapter FROM action WHERE tries > 0") == [("capture",)]
    kinds = tuple(replace(kind, records_only=False) for kind in ADAPTERS)
    world.close()
    for known, said in ((replace(SHIPPED, adapters=kinds), "messages have been sent"), (SHIPPED, "")):
        world.kinds = known
        world.close()
        done = world.command("admin", "sandbox", "on")
        assert said in str(done.exception or ""), done.output
        assert (done.exit_code == 0) is (said == "")


def test_the_demo_marks_its_own_store(tmp_path: Path, sqlite_url: str) -> None:
    world = World(tmp_path / "maison", sqlite_url)
    for _ in range(2):
        assert world.program("demo", "--users", "20", "--days", "1").returncode == 0
    assert world.program("admin", "sandbox").stdout == "This store is a sandbox.\n"
    assert len(world.rows("SELECT * FROM intervention")) == 1
    ahead = iso(Instant(day(0) + 40 * 365 * DAY))
    assert world.program("tick", "--at", ahead).returncode == 0
    world.close()
