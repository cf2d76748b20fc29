"""``habitue status``: what it tells, when it asks for a person, and that it stays cheap."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from engine.clock import DAY, HOUR
from engine.errors import StoreError
from engine.explain.health_models import Status
from engine.status.reading import read_status
from tests.world import START, World, day

LARGE = ("users", "user_state", "event", "action", "action_event", "enrolment", "coupon_code", "transition")


def status(world: World, number: float) -> Status:
    world.clock.move_to(day(number))
    return read_status(world.app)


def ordered(world: World, users: int) -> None:
    """Users with an order each, whose thanks want a code."""
    for number in range(users):
        world.user(f"u{number}")
        world.order(f"u{number}", 1)
    world.tick(2)


def test_a_quiet_installation_needs_nobody(world: World) -> None:
    found = status(world, 1)
    assert found.attention == ()
    assert found.store.content_version == found.files_version
    assert [tick.error for tick in found.store.ticks] == [None]
    done = world.command("status")
    assert (done.exit_code, "Nothing needs attention" in done.output) == (0, True)


def test_lag_is_that_of_the_oldest(world: World) -> None:
    world.codes(*(f"C-{number}" for number in range(200)))
    ordered(world, 2)
    found = status(world, 2 + 1 / 24)
    assert (found.store.lag.users, found.store.lag.actions) == (None, HOUR)
    world.order("u0", 3)
    lag = status(world, 3.5).store.lag
    assert (lag.users, lag.users_at_once) == (None, True), "new input waits for the next tick"
    [(earliest,)] = world.rows("SELECT min(due_at) FROM user_due")
    assert status(world, (earliest - START) / DAY + 0.5).store.lag.users == DAY // 2, "due by the calendar"
    depths = [(depth.state, depth.channel, depth.reason, depth.count) for depth in found.store.queue]
    assert depths == [("queued", "email", "due", 2)]


def test_held_actions_ask_for_codes(world: World) -> None:
    world.codes("C-1")
    ordered(world, 3)
    found = status(world, 2)
    assert [(depth.state, depth.reason, depth.count) for depth in found.store.held_or_unknown] == [
        ("held", "coupon_pool_empty", 2)
    ]
    assert [one.check for one in found.attention] == ["held", "pool"]
    assert "habitue coupons import" in found.attention[0].remedy
    assert world.command("status").exit_code == 1


def test_json_has_the_same(world: World) -> None:
    done = json.loads(world.command("status", "--json").output)
    assert done["store"]["ticks"][0]["at"] == "2026-01-01T00:00:00Z"
    assert done["files_version"] == done["store"]["content_version"]


def test_a_database_without_tables_is_one_sentence(tmp_path: Path, empty_database_url: str) -> None:
    world = World(tmp_path / "maison", empty_database_url)
    with closing(world), pytest.raises(StoreError, match="run `habitue migrate`"):
        read_status(world.app)


def test_nothing_large_is_read_through(tmp_path: Path, migrated_sqlite_url: str) -> None:
    world = World(tmp_path / "maison", migrated_sqlite_url)
    world.app.migrate(world.content())
    asked: list[tuple[str, Any]] = []
    event.listen(
        world.app.database.engine,
        "before_cursor_execute",
        lambda _c, _u, sql, binds, _x, _m: asked.append((sql, binds)),
    )
    status(world, 1)
    queries = [(sql, binds) for sql, binds in asked if sql.startswith("SELECT")]
    assert len(queries) > 8
    with world.app.database.engine.connect() as connection:
        plans = [connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", binds).all() for sql, binds in queries]
    steps = [str(step[3]) for plan in plans for step in plan]
    through = [step for step in steps if step.startswith("SCAN") and "USING" not in step and step.split()[1] in LARGE]
    assert through == []
    assert any("action" in step for step in steps)
    world.close()


def test_customers_are_estimated(world: World) -> None:
    for number in range(7):
        world.user(f"u{number}")
    with world.app.database.engine.connect() as connection:
        connection.execute(text("ANALYZE"))
        connection.commit()
    assert status(world, 1).store.users_about == 7
