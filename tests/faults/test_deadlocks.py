"""Deadlocks on PostgreSQL: whoever the database chooses is repeated, nobody ends, and `status` counts it.

The program locks in one order, so a test has to make it cross: at a given statement of its transaction, each side takes
a row of the other in addition.
"""

import json
import re
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, event, text

from engine.cli.imports import declared
from engine.clock import Instant
from engine.errors import StoreNameError, StoreRolledBack
from engine.intake.files.importing import import_events, import_users
from engine.intake.files.options import ImportOptions
from engine.intake.files.source import Source
from engine.intake.files.summary import ImportSummary
from engine.pipeline import Progress
from engine.store.database import PAUSES, Database
from engine.store.repeats import repeats_since
from engine.worker.upkeep import recalibrate
from tests.maison import FACTS, VALUE
from tests.world import World, day

MISSED = """
[playbook]
name = "missed"
class = "marketing"
reentry = "5d"
expires = "2d"

[trigger]
when = "days_since(last_order_at) > 30"

[[step]]
id = "mail"
send = ["email"]
template = "welcome/hello"
"""
FILES = {"playbooks/missed.toml": MISSED}
WAITS, SOON = "1min", "10ms"
"""``deadlock_timeout`` of the side that goes on, and of the one that the database is to undo."""
RESULTS: Mapping[str, str] = {
    "users": "SELECT id, key, first_seen_at FROM users",
    "events": "SELECT key, user_id, name, at, amount FROM event",
    "states": "SELECT user_id, edge_at, fact_spend, fact_orders, fact_last_order_at,"
    " place_value, place_lifecycle, place_needs, since_lifecycle FROM user_state",
    "due": "SELECT user_id, due_at, cause, evaluated_at FROM user_due",
    "news": "SELECT user_id, due_at, cause FROM user_news",
    "transitions": "SELECT user_id, dimension, from_place, to_place, at, cause, rule FROM transition",
    "enrolments": "SELECT playbook, user_id, trigger_at, entered_at, state, step, due_at FROM enrolment",
    "actions": "SELECT user_id, playbook, step, state, reason, created_at FROM action",
}


def results(world: World) -> dict[str, list[str]]:
    """What the store holds, without the ids that a repetition skips."""
    return {name: sorted(map(repr, world.rows(query))) for name, query in RESULTS.items()}


@dataclass
class Side:
    """One side of a deadlock: when a statement of it contains ``after``, it also takes the row of ``other``.

    An import takes no row that a tick takes, so it first has to be given ``own``.
    """

    database: Database
    after: str
    own: int | None
    other: int
    patience: str
    together: threading.Barrier
    done: bool = field(default=False)

    def __post_init__(self) -> None:
        event.listen(self.database.engine, "after_cursor_execute", self._executed)

    def _executed(self, connection: Connection, _cursor: object, sql: str, *_: object) -> None:
        if self.done or not re.search(self.after, sql):
            return
        self.done = True
        connection.exec_driver_sql(f"SET LOCAL deadlock_timeout = '{self.patience}'")
        taking = "SELECT 1 FROM user_due WHERE user_id = {} FOR NO KEY UPDATE"
        if self.own is not None:
            connection.exec_driver_sql(taking.format(self.own))
        self.together.wait(30)
        connection.exec_driver_sql(taking.format(self.other))


def brand(folder: Path, url: str) -> World:
    """Two customers, placed; the second is to be missed on day 40, and was already on day 31."""
    world = World(folder, url, files=FILES)
    world.app.migrate(world.content())
    world.user("first")
    world.user("second")
    world.order("second", 0)
    for at in (0, 31):
        world.tick(at)
    world.execute("UPDATE user_due SET due_at = :at WHERE user_id = 2", at=day(40))
    world.clock.move_to(day(40))
    return world


def bring_in(world: World) -> ImportSummary:
    """Import an order of the first customer."""
    file = world.folder / "orders.csv"
    file.write_text("key,user,event,at,amount\no1,first,order_completed,2026-02-09T12:00:00Z,20\n", encoding="utf-8")
    return import_events(world.app.database, Source(file), declared(world.app), ImportOptions(), world.app.clock)


def tick(world: World) -> Progress:
    return world.app.tick(world.content(), day(40))


def one_after_the_other(folder: Path, *works: Callable[[World], object]) -> dict[str, list[str]]:
    """What the store holds if nothing meets, and after the next tick."""
    with closing(brand(folder, f"sqlite:///{folder}.db")) as world:
        for work in works:
            work(world)
        world.tick(41)
        return results(world)


IMPORTED = "INSERT INTO user_news"


@pytest.mark.parametrize("victim", ["tick", "import"])
@pytest.mark.parametrize(
    "after",
    [
        pytest.param("INSERT INTO user_state AS s", id="chunk"),
        pytest.param(r"UPDATE user_due SET due_at = r\.again", id="re-entry"),
    ],
)
def test_a_tick_and_an_import_that_block_each_other_both_end_well(
    migrated_postgresql_url: str, tmp_path: Path, after: str, victim: str
) -> None:
    together = threading.Barrier(2)
    with (
        closing(brand(tmp_path / "ticks", migrated_postgresql_url)) as ticks,
        closing(World(tmp_path / "imports", migrated_postgresql_url, files=FILES)) as imports,
    ):
        imports.clock.move_to(day(40))
        waits = {side: SOON if side == victim else WAITS for side in ("tick", "import")}
        sides = (
            Side(ticks.app.database, after, None, 1, waits["tick"], together),
            Side(imports.app.database, IMPORTED, 1, 2, waits["import"], together),
        )
        with ThreadPoolExecutor(2) as pool:
            ticked, imported = pool.submit(tick, ticks), pool.submit(bring_in, imports)
            assert (imported.result(60).new, ticked.result(60).users > 0) == (1, True)
        assert all(side.done for side in sides)
        told = json.loads(ticks.program("status", "--json").stdout)
        assert told["store"]["repeated"] == 1
        assert "transactions repeated after conflicts in the last 24 hours: 1" in ticks.program("status").stdout
        assert [error for (error,) in ticks.rows("SELECT error FROM tick WHERE error IS NOT NULL")] == []
        ticks.tick(41)
        either = [
            one_after_the_other(tmp_path / f"order{n}", *works)
            for n, works in enumerate(((bring_in, tick), (tick, bring_in)))
        ]
        assert results(ticks) in either


# --- repeating -------------------------------------------------------------------------------------------------------

NOT_SERIALIZABLE = "DO $$ BEGIN RAISE EXCEPTION 'scripted' USING ERRCODE = '40001'; END $$"


class Undone:
    """Work that writes a row, and that the database undoes ``times`` times."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.attempts = 0

    def __call__(self, connection: Connection) -> int:
        self.attempts += 1
        connection.execute(text("INSERT INTO zone (name) VALUES (:name)"), {"name": f"attempt {self.attempts}"})
        if self.attempts <= self.times:
            connection.execute(text(NOT_SERIALIZABLE))
        return self.attempts


@pytest.mark.parametrize("times", range(len(PAUSES) + 1))
def test_what_the_database_undoes_is_repeated_from_its_beginning(migrated_postgresql_url: str, times: int) -> None:
    with closing(Database(migrated_postgresql_url)) as database:
        assert database.in_transaction(Undone(times)) == times + 1
        with database.read() as connection:
            assert connection.execute(text("SELECT name FROM zone")).scalars().all() == [f"attempt {times + 1}"]
            assert repeats_since(connection, Instant(0)) == times


def test_after_three_repetitions_it_is_an_error(migrated_postgresql_url: str) -> None:
    with closing(Database(migrated_postgresql_url)) as database:
        work = Undone(len(PAUSES) + 1)
        with pytest.raises(
            StoreRolledBack, match=r"undid a transaction in favour of another one \(scripted\): try again"
        ):
            database.in_transaction(work)
        assert work.attempts == len(PAUSES) + 1
        with database.read() as connection:
            assert connection.execute(text("SELECT count(*) FROM zone")).scalar_one() == 0
            assert repeats_since(connection, Instant(0)) == 0


def test_other_errors_are_not_repeated(database_url: str) -> None:
    attempts = []

    def work(connection: Connection) -> None:
        attempts.append(1)
        connection.execute(text("SELECT absent FROM zone"))

    with closing(Database(database_url)) as database, pytest.raises(StoreNameError):
        database.in_transaction(work)
    assert attempts == [1]


# --- the order -------------------------------------------------------------------------------------------------------


def edit(world: World) -> None:
    """Change a rule that concerns everybody, and make it the running version."""
    world.write("rules/value.toml", VALUE.replace("spend >= 500", "spend >= 600"))
    world.app.apply(world.content(), day(40))


def fold(world: World) -> None:
    """Tick; what the import brought is folded first."""
    world.app.tick(world.content(), day(40))


def recalculate(world: World) -> None:
    recalibrate(world.app, world.content(), day(40))


def bring_in_orders(world: World) -> None:
    rows = "".join(f"n{n},u{n},order_completed,2026-02-09T12:00:00Z,20\n" for n in reversed(range(USERS)))
    file = world.folder / "orders.csv"
    file.write_text(f"key,user,event,at,amount\n{rows}", encoding="utf-8")
    import_events(world.app.database, Source(file), declared(world.app), ImportOptions(), world.app.clock)


def bring_in_users(world: World) -> None:
    rows = "".join(f"u{n},Ann\n" for n in reversed(range(USERS)))
    file = world.folder / "users.csv"
    file.write_text(f"key,first_name\n{rows}", encoding="utf-8")
    import_users(world.app.database, Source(file), declared(world.app), ImportOptions(), world.app.clock)


SCORE = '\n[facts.spend_score]\nquantile = "spend"\nbuckets = 3\n'
USERS = 9


def scored(folder: Path, url: str) -> World:
    """Customers with different orders, evaluated, and not yet calibrated; the first is the last in the table's file."""
    world = World(folder, url, files={**FILES, "rules/facts.toml": FACTS + SCORE})
    world.app.migrate(world.content())
    for number in range(USERS):
        world.user(f"u{number}")
        world.order(f"u{number}", 0, amount=1_000 * (number + 1))
    world.tick(1)
    world.execute("UPDATE user_due SET due_at = due_at WHERE user_id = 1")
    world.execute("UPDATE users SET updated_at = updated_at WHERE id = 1")
    world.clock.move_to(day(40))
    return world


def wait_until_it_waits(connection: psycopg.Connection) -> None:
    waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    for _ in range(3_000):
        if connection.execute(waiting).fetchone():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it never waited for the first customer")


@pytest.mark.parametrize(
    ("table", "key", "work"),
    [
        pytest.param("user_due", "user_id", fold, id="fold"),
        pytest.param("users", "id", bring_in_users, id="import"),
    ],
)
def test_who_waits_for_the_first_customer_holds_no_later_one(
    migrated_postgresql_url: str, tmp_path: Path, table: str, key: str, work: Callable[[World], None]
) -> None:
    address = migrated_postgresql_url.replace("+psycopg", "")
    with (
        closing(scored(tmp_path / "world", migrated_postgresql_url)) as world,
        ThreadPoolExecutor(1) as pool,
        psycopg.connect(address, autocommit=True) as looking,
        psycopg.connect(address) as holding,
    ):
        bring_in_orders(world)
        holding.execute(f"SELECT 1 FROM {table} WHERE {key} = 1 FOR UPDATE")
        done = pool.submit(work, world)
        wait_until_it_waits(looking)
        free = looking.execute(f"SELECT {key} FROM {table} ORDER BY 1 FOR UPDATE SKIP LOCKED").fetchall()
        holding.rollback()
        done.result(60)
        assert [user for (user,) in free] == list(range(2, USERS + 1))


@pytest.mark.parametrize("work", [edit, recalculate, bring_in_orders, bring_in_users])
def test_whoever_brings_something_new_waits_for_no_customer_who_is_being_evaluated(
    migrated_postgresql_url: str, tmp_path: Path, work: Callable[[World], None]
) -> None:
    """Not even if the evaluation takes long: everybody's row is held here until the work is done."""
    with (
        closing(scored(tmp_path / "world", migrated_postgresql_url)) as world,
        ThreadPoolExecutor(1) as pool,
        psycopg.connect(migrated_postgresql_url.replace("+psycopg", "")) as holding,
    ):
        holding.execute("SELECT 1 FROM user_due ORDER BY user_id FOR UPDATE")
        holding.execute("SELECT 1 FROM user_state ORDER BY user_id FOR UPDATE")
        pool.submit(work, world).result(60)
        holding.rollback()
