"""What the store owes to the program, on both databases: two kinds of transaction, and faults told apart by their code."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from engine.errors import StoreError, StoreValueError
from engine.store.database import Database
from engine.store.dialects.sqlite import SQLITE
from tests.store.failing import ask, shown

NAMES_THAT_MISLED = ["fact_full_price", "fact_password_age", "fact_connection_count", "fact_locked_until", "readonly"]
KEPT = "SELECT value FROM secret WHERE name = 'n'"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with closing(Database(database_url)) as opened:
        yield opened


def put(connection: Connection, value: int) -> None:
    """Write the one number that these tests are about."""
    connection.execute(text("DELETE FROM secret WHERE name = 'n'"))
    row = {"value": str(value)}
    connection.execute(text("INSERT INTO secret (name, value, created_at) VALUES ('n', :value, 0)"), row)


def got(connection: Connection) -> int:
    return int(connection.execute(text(KEPT)).scalar_one())


def now(database: Database) -> int:
    with database.read() as connection:
        return got(connection)


def break_off(database: Database) -> None:
    """Make a mistake half-way through a transaction."""
    with database.write() as connection:
        put(connection, 2)
        put(connection, 1 // 0)


# --- transactions ----------------------------------------------------------------------------------------------------


def test_a_transaction_is_committed_at_its_end_and_seen_by_others_only_then(database: Database) -> None:
    with database.write() as connection:
        put(connection, 1)
    with database.write() as connection:
        put(connection, 2)
        assert got(connection) == 2
        assert now(database) == 1, "a reader neither waits for the writer nor sees its work"
    assert now(database) == 2


def test_an_exception_takes_everything_back_and_is_raised_as_it_is(database: Database) -> None:
    with database.write() as connection:
        put(connection, 1)
    with pytest.raises(ZeroDivisionError):
        break_off(database)
    assert now(database) == 1
    with database.write() as connection:
        put(connection, 3)
    assert now(database) == 3, "the connection is good for the next"


def test_a_transaction_that_reads_has_one_snapshot(database: Database) -> None:
    with database.write() as connection:
        put(connection, 1)
    with database.read() as reading:
        assert got(reading) == 1
        with database.write() as connection:
            put(connection, 2)
        assert got(reading) == 1, "what was committed since does not count"
        assert reading.execute(text("SELECT count(*) FROM secret WHERE value = '2'")).scalar_one() == 0
    assert now(database) == 2


def test_writers_that_change_the_same_row_lose_nothing(database: Database) -> None:
    """Each adds to what is there; none fails because another was first."""
    with database.write() as connection:
        put(connection, 0)
    together = threading.Barrier(4)

    def add(_: int) -> None:
        together.wait()
        for _ in range(10):
            with database.write() as connection:
                connection.execute(
                    text("UPDATE secret SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) WHERE name = 'n'")
                )

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(4)))
    assert now(database) == 40


def test_what_was_closed_opens_again(database: Database) -> None:
    with database.write() as connection:
        put(connection, 1)
    database.close()
    assert now(database) == 1


# --- faults ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", NAMES_THAT_MISLED)
def test_a_missing_column_is_that_whatever_its_name(database: Database, column: str) -> None:
    with pytest.raises(StoreError, match=rf"lacks a table or column .*{column}.*: run `habitue migrate`"):
        ask(database, f"SELECT s.{column} FROM user_state AS s")


@pytest.mark.parametrize("table", NAMES_THAT_MISLED)
def test_a_missing_table_is_that_whatever_its_name(database: Database, table: str) -> None:
    with pytest.raises(StoreError, match=rf"lacks a table or column .*{table}.*: run `habitue migrate`"):
        ask(database, f"DELETE FROM {table}")


def right_but_for_a_value(database: Database) -> str:
    if database.dialect is SQLITE:
        return "SELECT json_extract(t.v, '$.a') FROM (SELECT :value AS v) AS t"
    return "SELECT CAST(CAST(:value AS text) AS integer)"


def test_a_value_at_fault_is_told_apart_and_not_shown(database: Database) -> None:
    with pytest.raises(StoreValueError, match="cannot process a value in one of the rows") as caught:
        ask(database, right_but_for_a_value(database), value="ann@example.com, no such table")
    assert "ann@" not in shown(caught.value)


def test_a_value_at_fault_beside_a_temporary_table(database: Database) -> None:
    """The statement is compiled once more where its temporary table still is."""
    query = "json_extract(v, '$.a')" if database.dialect is SQLITE else "CAST(v AS integer)"
    made = ("CREATE TEMPORARY TABLE heap (v TEXT)", "INSERT INTO heap VALUES ('no such column: x')")
    with pytest.raises(StoreValueError):
        ask(database, *made, f"SELECT {query} FROM heap")


def two_of_one_key(connection: Connection) -> None:
    for _ in range(2):
        connection.execute(
            text("INSERT INTO secret (name, value, created_at) VALUES (:name, :value, 0)"),
            {"name": "ann@example.com", "value": "hunter2"},
        )


def test_a_broken_constraint_is_the_programs_and_shows_no_row(database: Database) -> None:
    with pytest.raises(IntegrityError) as caught, database.write() as connection:
        two_of_one_key(connection)
    assert "secret" in str(caught.value)
    for private in ("ann@example.com", "hunter2"):
        assert private not in shown(caught.value)
