"""An edit moves those who must move, through crashes, bad rows and further edits; nothing else is written."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from engine.store.dialects.sqlite import SQLITE
from tests.maison import FACTS, VALUE
from tests.sweeps.shop import RESULTS, USERS, Died, edit, keys, moved, results, shop
from tests.world import World, day


def test_an_edit_moves_those_who_must_move_and_writes_their_rows_alone(world: World) -> None:
    watched = row_versions(world, "user_state")
    edit(world)
    done = world.tick(3)
    assert moved(world, 2) == {"high": keys(15, USERS), "vip": keys(15, USERS)}
    assert world.rows("SELECT DISTINCT cause FROM transition WHERE at >= :since", since=day(2)) == [("rules",)]
    assert watched() == list(range(15, USERS + 1))
    assert done.transitions == 2 * (USERS - 14)
    assert world.rows("SELECT count(*) FROM user_due WHERE due_at <= :now", now=day(3)) == [(0,)]
    assert world.rows("SELECT finished_at IS NOT NULL, cause FROM sweep ORDER BY id DESC LIMIT 1") == [(True, "rules")]


def row_versions(world: World, table: str) -> Callable[[], list[int]]:
    """Return a function that returns the users whose rows of ``table`` have been written meanwhile."""
    if world.app.database.dialect is SQLITE:
        world.execute("CREATE TABLE touched (user_id BIGINT)")
        world.execute(
            f"CREATE TRIGGER touch AFTER UPDATE ON {table} BEGIN INSERT INTO touched VALUES (new.user_id); END"
        )
        return lambda: [user for (user,) in world.rows("SELECT DISTINCT user_id FROM touched ORDER BY user_id")]
    query = f"SELECT user_id, CAST(xmin AS TEXT), CAST(ctid AS TEXT) FROM {table} ORDER BY user_id"
    before = world.rows(query)
    return lambda: [row[0] for row, old in zip(world.rows(query), before, strict=True) if row != old]


def test_an_edit_that_moves_nobody_writes_nobody(world: World) -> None:
    states, due = row_versions(world, "user_state"), world.rows(RESULTS["due"])
    edit(world, content=VALUE.replace("spend >= 500", "spend >= 501"))
    assert world.tick(3).transitions == 0
    assert states() == []
    assert world.rows(RESULTS["due"]) == due


def test_a_tick_leaves_no_news_and_nobody_due(world: World) -> None:
    world.order("u01", 2, 100)
    world.user("u02", city="Berlin")
    world.user("new", 2)
    assert len(world.rows(RESULTS["news"])) >= 3
    assert world.tick(2).users == 3
    assert world.rows(RESULTS["news"]) == []
    assert world.rows("SELECT count(*) FROM user_due WHERE due_at <= :now", now=day(2)) == [(0,)]
    assert world.rows("SELECT count(*) FROM user_due WHERE cause IS NOT NULL") == [(0,)]


@pytest.mark.parametrize("after_commit", [False, True])
def test_an_interrupted_sweep_goes_on_at_its_cursor(tmp_path: Path, database_url: str, after_commit: bool) -> None:
    with closing(shop(tmp_path / "plain", f"sqlite:///{tmp_path / 'plain.db'}")) as plain:
        edit(plain)
        plain.tick(3)
        wanted = results(plain)
    with closing(shop(tmp_path / "shop", database_url)) as world:
        edit(world)
        world.content()
        reached = [0]
        for _ in range(100):
            store = world.scripted()
            commits = 0

            def die(*_: object) -> None:
                nonlocal commits
                commits += 1
                if commits == 5:
                    raise Died

            if after_commit:
                store.committed = die
            else:
                store.committing = die
            try:
                world.tick(3)
                break
            except Died:
                world.close()
                cursor = world.rows("SELECT next_user FROM sweep_range")
                reached += [row[0] for row in cursor] or [USERS + 1]
                assert reached == sorted(reached), "no tick goes back behind the cursor"
                assert moved(world, 2).get("high", []) == keys(15, reached[-1] - 1), "what was reached is kept"
        assert len(set(reached)) > 3, "it died in the middle several times"
        found = results(world)
    assert {name: list(map(repr, rows)) for name, rows in found.items() if name != "states"} == {
        name: list(map(repr, rows)) for name, rows in wanted.items() if name != "states"
    }
    assert [row[:2] for row in found["states"]] == [row[:2] for row in wanted["states"]]


def test_a_bad_row_is_quarantined_and_the_others_are_reached(migrated_sqlite_url: str, tmp_path: Path) -> None:
    """On SQLite, whose JSON may be none. The sweep has to compute facts, because the edit declares another one."""
    with closing(shop(tmp_path / "shop", migrated_sqlite_url)) as world:
        world.execute("UPDATE users SET attributes = '{' WHERE key = 'u20'")
        edit(world, "rules/facts.toml", FACTS + '\n[facts.city]\nattribute = "city"\ntype = "text"\n')
        edit(world)
        done = world.tick(3)
        assert done.quarantined == 1
        assert world.rows("SELECT kind, row_id, stage FROM quarantine") == [("user", 20, "users")]
        assert moved(world, 2)["high"] == [key for key in keys(15, USERS) if key != "u20"]
        assert results(world)["open sweeps"] == []
        world.execute("UPDATE users SET attributes = NULL WHERE key = 'u20'")
        world.tick(3 + 1 / 24)
        assert moved(world, 3.01) == {"high": ["u20"], "vip": ["u20"]}
        assert world.rows("SELECT DISTINCT cause FROM transition WHERE user_id = 20 AND at > :at", at=day(3)) == [
            ("rules",)
        ]
        assert world.rows("SELECT * FROM quarantine") == []


def test_a_second_edit_while_a_sweep_is_open_reaches_everybody_again(world: World) -> None:
    edit(world)
    with pytest.raises(Died):
        stopped(world, 3, user=22)
    reached = moved(world, 2)["high"]
    assert 0 < len(reached) < 26
    edit(world, content=VALUE.replace("spend >= 500 and orders >= 3", "spend >= 300"))
    world.tick(3.5)
    high = world.rows(
        "SELECT u.key FROM user_state s JOIN users u ON u.id = s.user_id WHERE place_value = 'high' ORDER BY 1"
    )
    locked = [key for key in reached if key < "u30"]
    assert [key for (key,) in high] == sorted({*keys(30, USERS), *locked}), (
        "whoever had risen is locked, or has a grace"
    )
    assert world.rows("SELECT count(*) FROM sweep")[0][0] >= 2
    assert results(world)["open sweeps"] == results(world)["ranges"] == []
    assert world.rows("SELECT DISTINCT cause FROM transition WHERE at >= :since", since=day(2)) == [("rules",)]


def stopped(world: World, at: float, user: int) -> None:
    """Tick, and die when the sweep comes to a user."""
    store = world.scripted()

    def die(connection: Connection) -> None:
        if connection.execute(text("SELECT 1 FROM sweep_range WHERE next_user > :user"), {"user": user}).first():
            raise Died

    store.committing = die
    try:
        world.tick(at)
    finally:
        world.close()


def test_an_edit_that_is_taken_back_before_anybody_was_reached_moves_nobody(world: World) -> None:
    edit(world)
    world.app.apply(world.content(), day(2))
    edit(world, content=VALUE)
    world.tick(3)
    assert moved(world, 2) == {}
