"""Several threads work on one sweep; what they looked at may have changed by the time they write."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from engine.pipeline.sweep_thread import SharedRanges
from engine.store.due import Cause
from engine.store.sweep import SweepDepth, SweepNeed, current_sweep, open_sweep
from tests.sweeps.shop import USERS, BusyShop, Died, edit, keys, moved, results, shop
from tests.world import World, day

RANGE = 7


def edit_and_apply(world: World) -> None:
    """Open a sweep, and give it small ranges, so that each thread gets one; in the program they have 50,000 users."""
    edit(world)
    world.app.apply(world.content(), day(2))
    [(sweep,)] = world.rows("SELECT id FROM sweep WHERE finished_at IS NULL")
    world.execute("DELETE FROM sweep_range")
    for low in range(1, USERS + 1, RANGE):
        high = min(low + RANGE, USERS + 1)
        world.execute(
            f"INSERT INTO sweep_range (sweep_id, low, high, next_user) VALUES ({sweep}, {low}, {high}, {low})"
        )


@pytest.fixture
def busy(tmp_path: Path, database_url: str) -> Iterator[World]:
    with closing(shop(tmp_path / "busy", database_url, kind=BusyShop)) as world:
        yield world


def test_threads_leave_what_one_leaves(tmp_path: Path, busy: World) -> None:
    with closing(shop(tmp_path / "plain", f"sqlite:///{tmp_path / 'plain.db'}")) as plain:
        for world in (plain, busy):
            edit_and_apply(world)
            world.tick(3)
        wanted, found = results(plain), results(busy)
    assert moved(busy, 2) == {"high": keys(15, USERS), "vip": keys(15, USERS)}
    for name in ("due", "transitions", "enrolments", "open sweeps", "ranges", "news", "quarantine"):
        assert list(map(repr, found[name])) == list(map(repr, wanted[name])), name


def test_threads_look_at_different_ranges(busy: World) -> None:
    edit_and_apply(busy)
    ranges = SharedRanges()
    with busy.app.database.write() as connection:
        sweep = current_sweep(connection)
        assert sweep is not None
        taken = [ranges.take(connection, sweep, 5, thread) for thread in range(3)]
        assert [one.low for one in taken if one is not None] == [1, 1 + RANGE, 1 + 2 * RANGE]
        again = ranges.take(connection, sweep, 5, 1)
        assert again == taken[1], "whoever takes anew leaves what it had"
        ranges.leave(0)
        assert ranges.take(connection, sweep, 5, 2) == taken[0]
        assert ranges.in_work
        ranges.leave(1)
        ranges.leave(2)
        assert not ranges.in_work


def test_an_error_in_one_thread_ends_the_tick_and_the_next_one_finishes(busy: World) -> None:
    edit_and_apply(busy)
    store, commits = busy.scripted(), 0

    def die(_: Connection) -> None:
        nonlocal commits
        commits += 1
        if commits == 4:
            raise Died

    store.committing = die
    with pytest.raises(Died):
        busy.tick(3)
    busy.close()
    busy.tick(3 + 1 / 24)
    assert moved(busy, 2) == {"high": keys(15, USERS), "vip": keys(15, USERS)}
    assert results(busy)["open sweeps"] == results(busy)["ranges"] == []


def test_a_bad_row_is_found_by_several_threads(migrated_sqlite_url: str, tmp_path: Path) -> None:
    """On SQLite, which keeps a text in a column of numbers."""
    with closing(shop(tmp_path / "busy", migrated_sqlite_url, kind=BusyShop)) as world:
        world.execute("UPDATE users SET attributes = '{' WHERE key = 'u20'")
        edit(world, "rules/facts.toml", _with_city(world))
        edit(world)
        assert world.tick(3).quarantined == 1
        assert world.rows("SELECT kind, row_id, stage FROM quarantine") == [("user", 20, "users")]
        assert moved(world, 2)["high"] == [key for key in keys(15, USERS) if key != "u20"]


def _with_city(world: World) -> str:
    facts = (world.folder / "rules" / "facts.toml").read_text(encoding="utf-8")
    return facts + '\n[facts.city]\nattribute = "city"\ntype = "text"\n'


@pytest.fixture
def between(migrated_sqlite_url: str, tmp_path: Path) -> Iterator[tuple[World, Callable[[str], None]]]:
    """A shop with an edit that waits for its tick; and a function that lets SQL be committed between look and write.

    On SQLite, where these are two transactions; elsewhere rows are locked between them.
    """
    with closing(shop(tmp_path / "shop", migrated_sqlite_url)) as world:
        edit_and_apply(world)
        world.execute("UPDATE sweep_range SET next_user = high WHERE low < 15")
        store = world.scripted()

        def meanwhile(sql: str) -> None:
            def writing(connection: Connection) -> None:
                if current_sweep(connection) is not None and connection.execute(_LOOKED).scalar():
                    store.writing = lambda _: None
                    connection.execute(text(sql))

            store.writing = writing

        yield world, meanwhile


_LOOKED = text("SELECT 1 FROM sqlite_temp_master WHERE name = 'decided_0'")


def test_who_was_evaluated_since_the_look_is_left_alone(between: tuple[World, Callable[[str], None]]) -> None:
    world, meanwhile = between
    meanwhile(f"UPDATE user_due SET evaluated_at = {day(2.5)} WHERE user_id = 16")
    world.tick(3)
    assert moved(world, 2)["high"] == [key for key in keys(15, USERS) if key != "u16"]


def test_who_became_due_since_the_look_moves_by_what_is_known_then(
    between: tuple[World, Callable[[str], None]],
) -> None:
    world, meanwhile = between
    meanwhile("UPDATE user_due SET due_at = 0, cause = 'behaviour' WHERE user_id = 16")
    world.tick(3)
    assert moved(world, 2)["high"] == keys(15, USERS)
    causes = dict(world.rows("SELECT user_id, cause FROM transition WHERE to_place = 'high' AND at > :at", at=day(2)))
    assert (causes[15], causes[16], causes[17]) == ("rules", "behaviour", "rules")


def test_a_sweep_that_was_replaced_since_the_look_writes_nothing(busy: World) -> None:
    edit_and_apply(busy)
    store = busy.scripted()
    replaced: list[int] = []

    def writing(connection: Connection) -> None:
        sweep = current_sweep(connection)
        if sweep is not None and not replaced:
            replaced.append(sweep.number)
            need = SweepNeed(Cause.SCORES, SweepDepth.PLACES)
            open_sweep(connection, need, sweep.version)

    store.writing = writing
    busy.tick(3)
    assert moved(busy, 2) == {"high": keys(15, USERS), "vip": keys(15, USERS)}
    assert replaced
    assert results(busy)["open sweeps"] == results(busy)["ranges"] == []
