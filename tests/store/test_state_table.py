"""user_state follows the declared columns, and keeps what is no longer declared."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, text

from engine.errors import StoreError
from engine.store.database import Database
from engine.store.dialects import Dialect
from engine.store.state_table import (
    Drift,
    Retyped,
    StateColumn,
    drift,
    follow,
    migrate,
    retired,
)

ORDERS = StateColumn("fact_orders", "BIGINT")
CITY = StateColumn("fact_city", "TEXT")
SHARE = StateColumn("fact_share", "DOUBLE PRECISION")
VIP = StateColumn("fact_vip", "BOOLEAN")
ALL = (ORDERS, CITY, SHARE, VIP)


@pytest.fixture
def store(empty_database_url: str) -> Iterator[tuple[Connection, Dialect]]:
    database = Database(empty_database_url)
    migrate(database)
    with database.write() as connection:
        connection.execute(
            text("INSERT INTO users (id, key, first_seen_at, updated_at) VALUES (1, 'ann', 0, 0), (2, 'bob', 0, 0)")
        )
        connection.execute(text("INSERT INTO user_state (user_id) VALUES (1), (2)"))
        yield connection, database.dialect
    database.close()


def test_all_types_are_added_once_and_then_nothing_differs(store: tuple[Connection, Dialect]) -> None:
    assert drift(*store, ALL) == Drift(missing=ALL)
    assert follow(*store, ALL) == Drift(missing=ALL)
    assert not drift(*store, ALL)
    assert not follow(*store, ALL)


def test_columns_that_come_are_those_that_nobody_has_filled(store: tuple[Connection, Dialect]) -> None:
    assert follow(*store, ALL).coming == ALL
    assert follow(*store, ALL[:3]).coming == ()
    assert follow(*store, ALL).coming == (VIP,)
    as_text = StateColumn("fact_orders", "TEXT")
    assert follow(*store, (as_text, *ALL[1:])).coming == (as_text,)


def test_a_removed_column_is_kept_listed_and_given_back(store: tuple[Connection, Dialect]) -> None:
    connection, _ = store
    follow(*store, ALL)
    connection.execute(text("UPDATE user_state SET fact_orders = user_id"))
    assert follow(*store, ALL[1:]).superfluous == ("fact_orders",)
    assert retired(*store) == ("retired_fact_orders_1",)
    assert not drift(*store, ALL[1:])
    assert follow(*store, ALL).missing == (ORDERS,)
    assert connection.execute(text("SELECT fact_orders FROM user_state ORDER BY 1")).scalars().all() == [1, 2]
    assert retired(*store) == ()


def test_a_retyped_column_is_made_anew_and_its_old_content_is_kept(store: tuple[Connection, Dialect]) -> None:
    connection, _ = store
    follow(*store, ALL)
    connection.execute(text("UPDATE user_state SET fact_orders = 5"))
    as_text = StateColumn("fact_orders", "TEXT")
    assert follow(*store, (as_text, *ALL[1:])).retyped == (Retyped(as_text, "BIGINT"),)
    rows = connection.execute(text("SELECT fact_orders, retired_fact_orders_1 FROM user_state")).all()
    assert [tuple(row) for row in rows] == [(None, 5)] * 2
    follow(*store, ALL)
    assert connection.execute(text("SELECT fact_orders FROM user_state")).scalars().all() == [5, 5]
    assert retired(*store) == ("retired_fact_orders_2",) or retired(*store) == ("retired_fact_orders_1",)


def test_what_was_retired_before_is_never_overwritten(store: tuple[Connection, Dialect]) -> None:
    connection, _ = store
    for number, sql_type in enumerate(("BIGINT", "TEXT", "BOOLEAN"), 1):
        follow(*store, (StateColumn("fact_orders", sql_type),))  # type: ignore[arg-type]
        value = {"BIGINT": "1", "TEXT": "'2'", "BOOLEAN": "TRUE"}[sql_type]
        connection.execute(text(f"UPDATE user_state SET fact_orders = {value}"))
        assert len(retired(*store)) == number - 1
    follow(*store, ())
    assert retired(*store) == tuple(f"retired_fact_orders_{number}" for number in (1, 2, 3))


def test_the_longest_name_survives_retirement(store: tuple[Connection, Dialect]) -> None:
    longest = StateColumn("fact_" + "x" * 48, "BIGINT")
    follow(*store, (longest,))
    follow(*store, ())
    assert follow(*store, (longest,)).missing == (longest,)
    assert not drift(*store, (longest,))


def test_a_name_that_postgresql_would_cut_is_refused(store: tuple[Connection, Dialect]) -> None:
    with pytest.raises(StoreError, match="64 characters, at most 63"):
        follow(*store, (StateColumn("since_" + "x" * 58, "BIGINT"),))


def test_drift_is_told_in_words(store: tuple[Connection, Dialect]) -> None:
    follow(*store, ALL)
    told = str(drift(*store, (StateColumn("fact_orders", "TEXT"), CITY, SHARE, StateColumn("fact_new", "BIGINT"))))
    assert told == "missing: fact_new; of another type: fact_orders (BIGINT); no longer declared: fact_vip"


def test_without_the_table_the_remedy_is_named(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    with database.write() as connection, pytest.raises(StoreError, match="run `habitue migrate`"):
        drift(connection, database.dialect, ALL)
    database.close()
