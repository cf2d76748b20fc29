"""Two workers on PostgreSQL, stopped where they meet: nothing that either of them knows is lost."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from engine.content.versions import hold_version
from engine.rules.evaluation import Evaluation
from engine.store.database import Database
from engine.store.due import is_evaluated_sql, take_due_users
from engine.store.news import fold_news, newest_news
from engine.worker.upkeep import recalibrate
from tests.maison import FACTS
from tests.sweeps.shop import EDITED
from tests.world import DECIDERS, World, day

CITY = FACTS + '\n[facts.city]\nattribute = "city"\ntype = "text"\n'
SCORED = FACTS + '\n[facts.score]\nquantile = "spend"\nbuckets = 5\n'
MEANWHILE = 0.5
"""Seconds that one worker is given while the other keeps its transaction open; it may wait for it."""


@pytest.fixture
def world(tmp_path: Path, migrated_postgresql_url: str) -> Iterator[World]:
    with closing(World(tmp_path / "shop", migrated_postgresql_url).open()) as made:
        yield made


@contextmanager
def another(world: World) -> Iterator[World]:
    """The same shop in another process."""
    with closing(World(world.folder, world.url)) as made:
        yield made


def meanwhile(work: Callable[[], object]) -> threading.Thread:
    """Do ``work`` while the caller's transaction is open; it ends after that if it has to wait for it."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(MEANWHILE)
    return thread


def once_evaluated(world: World, work: Callable[[], object]) -> list[threading.Thread]:
    """Do ``work`` when the next tick has evaluated its first users, before it commits."""
    store = world.scripted()
    started: list[threading.Thread] = []

    def committing(connection: Connection) -> None:
        table = connection.execute(text("SELECT to_regclass('pg_temp.due_user')")).scalar()
        if table is not None and not started:
            started.append(meanwhile(work))

    store.committing = committing
    return started


def _fold(connection: Connection, database: Database, at: float) -> None:
    fold_news(connection, database.dialect, day(at), newest_news(connection))


def fold(url: str, at: float) -> None:
    with closing(Database(url)) as database:
        database.in_transaction(lambda connection: _fold(connection, database, at))


def test_news_of_a_user_who_is_being_evaluated_are_not_taken_for_evaluated(world: World) -> None:
    """The other worker still sees the user as due, and must not think that this evaluation will see the event."""
    world.order("u", 0.5, 1_000)
    world.tick(1)
    world.order("u", 1.5, 1_000)
    fold(world.url, 2)
    with another(world) as other:

        def bring_and_fold() -> None:
            other.order("u", 1.6, 50_000)
            fold(world.url, 2)

        threads = once_evaluated(world, bring_and_fold)
        world.tick(2)
        (thread,) = threads
        thread.join(30)
        assert not thread.is_alive()
    world.tick(3)
    assert world.rows("SELECT fact_orders FROM user_state") == [(3,)]


@pytest.mark.parametrize("facts", [FACTS, CITY], ids=["places", "facts"])
def test_a_sweep_reaches_users_whose_rows_another_worker_has_locked(world: World, facts: str) -> None:
    """That worker folds news of a scheduled event, so the user is not due and is not evaluated by it."""
    world.order("u", 0.5, 20_000)
    world.tick(1)
    world.write("rules/facts.toml", facts)
    world.write("rules/value.toml", EDITED)
    world.app.migrate(world.content())
    world.app.apply(world.content(), day(2), columns=True)
    world.order("u", 9, 100)
    with closing(Database(world.url)) as database, database.write() as connection:
        _fold(connection, database, 3)
        thread = meanwhile(lambda: world.tick(3))
    thread.join(30)
    assert not thread.is_alive()
    world.tick(4)
    assert world.rows("SELECT place_value FROM user_state") == [("high",)]
    assert world.rows("SELECT due_at <= :at FROM user_due", at=day(9)) == [(True,)]


def test_users_placed_while_scores_are_calibrated_get_the_new_score(world: World) -> None:
    """The calibration does not see that they are evaluated, and they do not see its cut points."""
    world.write("rules/facts.toml", SCORED)
    world.app.migrate(world.content())
    world.app.apply(world.content(), day(0), columns=True)
    for number in range(1, 6):
        world.order(f"u{number}", 0.5, 1_000 * number)
    _write_facts(world, 1)
    content = world.content()
    with closing(Database(world.url)) as database, database.write() as connection:
        hold_version(connection, content.version)
        users = take_due_users(connection, database.dialect, day(1), 10)
        evaluation = Evaluation(content.catalog, content.rules, database.dialect, DECIDERS)
        evaluation.evaluate(connection, day(1), users)
        thread = meanwhile(lambda: recalibrate(world.app, content, day(1)))
    thread.join(30)
    assert not thread.is_alive()
    world.tick(2)
    assert world.rows("SELECT fact_score FROM user_state ORDER BY user_id") == [(1,), (2,), (3,), (4,), (5,)]


def _write_facts(world: World, at: float) -> None:
    """Do what a tick does before its first calibration."""
    content, store = world.content(), world.app.database
    evaluation = Evaluation(content.catalog, content.rules, store.dialect, DECIDERS)
    with store.write() as connection:
        _fold(connection, store, at)
        take_due_users(connection, store.dialect, day(at), 10)
        evaluation.find_facts(connection, day(at))


def test_an_import_during_steps_does_not_make_them_read_all_news_for_each_enrolment(world: World) -> None:
    """PostgreSQL reads the query of NOT IN again for each row if it is too large to hash: hours instead of a second."""
    tested = is_evaluated_sql(world.app.database.dialect, "user_id")
    plan = world.rows(f"EXPLAIN SELECT id FROM enrolment WHERE {tested}", now=day(1))
    assert "SubPlan" not in str(plan)
    assert str(plan).count("Anti Join") == 2
