"""Two workers share a sweep."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from sqlalchemy import text

from engine.rules.decide.decider import Deciders
from engine.store.database import Database
from tests.sweeps.shop import BRANCH, EDITED, HELLO, USERS, Shop, edit, results, shop
from tests.world import World, day


def test_two_workers_share_a_sweep(migrated_postgresql_url: str, tmp_path: Path) -> None:
    users = 30
    with closing(shop(tmp_path / "alone", f"sqlite:///{tmp_path / 'alone.db'}", users=users)) as alone:
        edit(alone)
        alone.tick(3)
        wanted = results(alone)
    with (
        closing(shop(tmp_path / "one", migrated_postgresql_url, users=users)) as one,
        closing(Shop(tmp_path / "two", migrated_postgresql_url, HELLO)) as two,
    ):
        for world in (one, two):
            world.write("rules/value.toml", EDITED)
            world.app.deciders = Deciders()
        one.app.apply(one.content(), day(3))
        split_ranges(one.app.database, users)
        contents = [world.content() for world in (one, two)]
        with ThreadPoolExecutor(2) as pool:
            ticks = [
                pool.submit(world.app.tick, content, day(3))
                for world, content in zip((one, two), contents, strict=True)
            ]
            done = [tick.result(60) for tick in ticks]
        assert [tick.ended_early for tick in done] == [None, None]
        assert sum(tick.transitions for tick in done) == len([row for row in wanted["transitions"] if row[4] >= day(3)])
        found = results(one)
    assert found["transitions"] == wanted["transitions"]
    assert found["due"] == wanted["due"]
    assert found["open sweeps"] == found["ranges"] == []


def split_ranges(database: Database, users: int) -> None:
    """Make the sweep's one range three, as it would be with more users than tests have."""
    third = users // 3
    with database.write() as connection:
        connection.execute(text("UPDATE sweep_range SET high = :high"), {"high": 1 + third})
        for low in (1 + third, 1 + 2 * third):
            connection.execute(
                text(
                    "INSERT INTO sweep_range (sweep_id, low, high, next_user)"
                    " SELECT sweep_id, CAST(:low AS BIGINT), CAST(:high AS BIGINT), CAST(:low AS BIGINT)"
                    " FROM sweep_range WHERE low = 1"
                ),
                {"low": low, "high": low + third},
            )


def wait_until_it_waits(world: World) -> None:
    waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    for _ in range(3_000):
        if world.rows(waiting):
            return
        threading.Event().wait(0.01)
    raise AssertionError("the tick never waited for the other worker's range")


def test_a_worker_waits_for_the_other_ones_range_before_it_asks_conditions(
    migrated_postgresql_url: str, tmp_path: Path
) -> None:
    """Whoever finds no range left does not go on to steps while another worker's is not committed."""
    with closing(shop(tmp_path / "shop", migrated_postgresql_url, {"playbooks/branch.toml": BRANCH})) as world:
        world.event("u40", "signed_up", 1.6)
        world.tick(2)
        edit(world)
        world.app.apply(world.content(), day(4))
        other = Database(migrated_postgresql_url)
        with closing(other), ThreadPoolExecutor(1) as pool:
            with other.write() as connection:
                connection.execute(text("SELECT 1 FROM sweep_range FOR UPDATE"))
                tick = pool.submit(world.tick, 4)
                wait_until_it_waits(world)
                assert world.rows("SELECT count(*) FROM action WHERE playbook = 'branch'") == [(0,)]
            assert tick.result(60).transitions == 2 * (USERS - 14)
        assert world.rows("SELECT step FROM action WHERE playbook = 'branch'") == [("gift",)]
