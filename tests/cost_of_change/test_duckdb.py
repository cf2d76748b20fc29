"""Another database costs one file: a whole look on DuckDB, with the program's own statements.

The same rows on SQLite and on DuckDB must give the same results.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import Connection, text

from engine.app import App
from engine.clock import DAY, FixedClock, Instant, instant
from engine.conditions import parse_condition, parse_expression
from engine.demo.output import write_brand
from engine.demo.spec import DemoSpec
from engine.loading import Content
from engine.rules.decide.decider import Deciders
from engine.rules.look import Look
from engine.rules.place.applying import transitions_sql
from engine.rules.place.subjects import LOOK
from engine.settings import ContentSettings, Settings, StoreSettings
from engine.store.dialects import Dialect
from engine.store.dialects.sqlite import SQLITE
from engine.store.due import Cause, take_due_users
from engine.store.news import add_news, fold_news, newest_news
from engine.store.statement import statement
from engine.worker.upkeep import recalibrate
from tests.brand.brand import ROOT
from tests.conditions.conftest import Population, fill
from tests.conditions.population import BOOLEAN, MONEY, NUMBER, SCOPE, population
from tests.conditions.population import NOW as PRESENT
from tests.conditions.reference import Node, evaluate, spell
from tests.cost_of_change.duckdb_dialect import DUCKDB, memory

NOW = instant(datetime(2026, 6, 1, tzinfo=UTC))
LATER = Instant(NOW + 45 * DAY)
USERS = 150
TABLES = ("users", "event", "user_state", "user_due", "cut_points")

Value = object
Rows = list[tuple[Value, ...]]


@pytest.fixture(scope="module")
def shop(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[App, Content]]:
    """The default brand with a history: evaluated once, and due again some weeks later."""
    url = f"sqlite:///{tmp_path_factory.mktemp('shop') / 'habitue.db'}"
    folders = {name: ROOT / name for name in ("rules", "playbooks", "templates")}
    app = App(Settings(store=StoreSettings(url=url), content=ContentSettings.model_validate(folders)), FixedClock(NOW))
    content = app.content()
    app.migrate(content)
    write_brand(app.database, DemoSpec.ending(NOW, USERS, seed=5))
    for _ in range(2):  # scores are computed from facts, and facts are computed from scores
        app.tick(content, NOW)
        recalibrate(app, content, NOW)
    with app.database.write() as connection:
        users = connection.execute(text("SELECT id FROM users ORDER BY id")).scalars().all()
        add_news(connection, app.database.dialect, users, Cause.IMPORT)
        fold_news(connection, app.database.dialect, LATER, newest_news(connection))
    yield app, content
    app.close()


@pytest.fixture(scope="module")
def both(shop: tuple[App, Content]) -> Iterator[tuple[Connection, Connection]]:
    """The shop's store on SQLite, and a copy of it in DuckDB, with everybody taken as due."""
    with shop[0].database.read() as lite, memory() as duck:
        for table in TABLES:
            columns = SQLITE.columns(lite, table)
            types = {name: "BIGINT" if kind == "INTEGER" else kind for name, kind in columns.items()}
            listed = ", ".join(f'"{name}" {kind}' for name, kind in types.items())
            duck.execute(text(f"CREATE TABLE {table} ({listed})"))
            rows = [dict(row) for row in lite.execute(text(f"SELECT * FROM {table}")).mappings()]
            assert rows, table
            duck.execute(text(f"INSERT INTO {table} VALUES ({', '.join(f':{name}' for name in columns)})"), rows)
        for connection, dialect in ((lite, SQLITE), (duck, DUCKDB)):
            assert take_due_users(connection, dialect, LATER, 2 * USERS) == USERS
        yield lite, duck


def alike(rows: Rows) -> Rows:
    """Rounded and sorted: the order of additions may differ, and so may the order of rows."""
    return sorted(
        (tuple(float(f"{value:.9g}") if isinstance(value, float) else value for value in row) for row in rows), key=repr
    )


def asked(connection: Connection, sql: str, binds: dict[str, Value]) -> Rows:
    return [tuple(row) for row in connection.execute(statement(sql), binds)]


def test_a_look_is_the_same(shop: tuple[App, Content], both: tuple[Connection, Connection]) -> None:
    """Facts, placements and all that a tick would write down, in temporary tables that both databases fill alike."""
    content = shop[1]
    lite, duck = (
        looked(connection, dialect, content) for connection, dialect in zip(both, (SQLITE, DUCKDB), strict=True)
    )
    assert len(duck["look"]) == USERS
    for name, rows in lite.items():
        assert duck[name] == rows, name
    assert all(any(row[at] is not None for row in duck["look"]) for at in fact_columns(content)), "nobody has this fact"
    moving = [dimension.name for dimension in content.rules.dimensions if duck[dimension.name]]
    assert len(moving) >= 2, "hardly anybody moves, so the test shows nothing"


def fact_columns(content: Content) -> range:
    """Positions in ``look``, after the user and the next edge."""
    return range(2, 2 + len(content.catalog.columns()))


def looked(connection: Connection, dialect: Dialect, content: Content) -> dict[str, Rows]:
    """The rows of ``look`` and of the decided tables, and the transitions to write of each dimension."""
    look = Look(content.catalog, content.rules, dialect, Deciders())
    look.at_due_users(connection, LATER, USERS)
    columns = ", ".join(("user_id", *(column.name for column in look.columns)))
    found = {"look": alike(asked(connection, f"SELECT {columns} FROM {LOOK}", {}))}
    for level in look.placing.levels:
        found[level.table] = alike(asked(connection, f"SELECT * FROM {level.table}", {}))
        for dimension in level.level:
            binds: dict[str, Value] = {"now": LATER, "version": "v"}
            found[dimension.name] = alike(asked(connection, transitions_sql(dimension, level.table), binds))
    return found


@pytest.fixture(scope="module")
def people() -> Iterator[Population]:
    """The rows on which SQLite and PostgreSQL are compared with a plain evaluation of conditions."""
    with memory() as connection:
        rows = population(120)
        fill(connection, rows)
        yield Population(DUCKDB, rows, connection)


often = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@often
@given(BOOLEAN)
def test_conditions_mean_the_same(people: Population, node: Node) -> None:
    condition = parse_condition(spell(node), SCOPE)
    expected = [evaluate(node, row, PRESENT) for row in people.rows]
    assert [value for (value,) in people.ask(condition.sql(DUCKDB))] == expected
    assert people.where(condition.holds_sql(DUCKDB)) == [at for at, value in enumerate(expected) if value is True]


@often
@given(NUMBER | MONEY)
def test_expressions_have_the_same_value(people: Population, node: Node) -> None:
    values = [value for (value,) in people.ask(parse_expression(spell(node), SCOPE).sql(DUCKDB))]
    assert values == [evaluate(node, row, PRESENT) for row in people.rows]
