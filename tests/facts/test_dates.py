"""The rows by which date triggers find users: they follow the facts, and only what differs is written."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from engine.content.bundle import Bundle
from engine.facts.catalog import FactCatalog, load_catalog
from engine.facts.dates import users_by_date, write_dates
from engine.store.database import Database
from engine.store.dialects import dialect_of
from tests.plans import plans

BIRTHDAY = '[facts.birthday]\nattribute = "birthday"\ntype = "date"\n'
WEDDING = '[facts.wedding]\nattribute = "wedding"\ntype = "date"\n'
CITY = '[facts.city]\nattribute = "city"\ntype = "text"\n'
EVERYBODY = "(SELECT user_id FROM user_state)"


def catalog(facts: str) -> FactCatalog:
    read, findings = load_catalog(Bundle({"rules/facts.toml": facts}), 100)
    assert findings == []
    return read


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database whose ``user_state`` has columns for three facts, and no users."""
    made = Database(database_url)
    with made.write() as connection:
        for column in ("birthday", "wedding", "city"):
            connection.execute(text(f"ALTER TABLE user_state ADD COLUMN fact_{column} TEXT"))
    yield made
    made.close()


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.write() as made:
        yield made


def put(connection: Connection, user: int, **facts: str | None) -> None:
    """Replace a user's facts."""
    connection.execute(text("DELETE FROM user_state WHERE user_id = :user"), {"user": user})
    columns, binds = ", ".join(f"fact_{name}" for name in facts), ", ".join(f":{name}" for name in facts)
    added = text(f"INSERT INTO user_state (user_id, {columns}) VALUES (:user, {binds})")
    connection.execute(added, {"user": user, **facts})


def write(connection: Connection, facts: str, users: str = EVERYBODY) -> list[int]:
    """Write the dates of ``users``; return how many rows each statement has written, without those that only read."""
    written: list[int] = []

    def note(_connection: object, cursor: Any, sql: str, *_: object) -> None:
        if sql.startswith(("INSERT", "DELETE", "UPDATE")):
            written.append(cursor.rowcount)

    event.listen(connection, "after_cursor_execute", note)
    write_dates(connection, dialect_of(connection), catalog(facts), users)
    event.remove(connection, "after_cursor_execute", note)
    return written


def rows(connection: Connection) -> dict[tuple[str, int], str]:
    found = connection.execute(text("SELECT fact, user_id, year, month_day FROM user_date ORDER BY fact, user_id"))
    return {(row.fact, row.user_id): f"{row.year}-{row.month_day}" for row in found}


def test_each_date_has_a_row_and_nothing_else_has(connection: Connection) -> None:
    put(connection, 1, birthday="1990-05-17", wedding="2015-08-01", city="Berlin")
    put(connection, 2, birthday=None, wedding="2015-08-02", city="1990-05-17")
    assert write(connection, BIRTHDAY + WEDDING + CITY) == [3]
    assert rows(connection) == {
        ("birthday", 1): "1990-05-17",
        ("wedding", 1): "2015-08-01",
        ("wedding", 2): "2015-08-02",
    }


def test_only_what_differs_is_written(connection: Connection) -> None:
    for user in range(1, 6):
        put(connection, user, birthday=f"1990-05-0{user}")
    write(connection, BIRTHDAY)
    assert sum(write(connection, BIRTHDAY)) == 0
    put(connection, 2, birthday="1990-06-02")
    put(connection, 3, birthday="1991-05-03")
    put(connection, 4, birthday=None)
    put(connection, 6, birthday="1990-05-06")
    assert sorted(write(connection, BIRTHDAY)) == [1, 3]
    kept = {1: "1990-05-01", 2: "1990-06-02", 3: "1991-05-03", 5: "1990-05-05", 6: "1990-05-06"}
    assert rows(connection) == {("birthday", user): date for user, date in kept.items()}


def test_only_the_users_asked_for_are_written(connection: Connection) -> None:
    for user in (1, 2):
        put(connection, user, birthday="1990-05-17")
    connection.execute(text("CREATE TEMPORARY TABLE chosen (user_id BIGINT)"))
    connection.execute(text("INSERT INTO chosen VALUES (2)"))
    write(connection, BIRTHDAY, "chosen")
    assert list(rows(connection)) == [("birthday", 2)]
    put(connection, 1, birthday=None)
    put(connection, 2, birthday=None)
    write(connection, BIRTHDAY)
    put(connection, 1, birthday="1990-05-17")
    write(connection, BIRTHDAY, "chosen")
    assert rows(connection) == {}


@pytest.mark.parametrize("value", ["", "1990", "17.05.1990.", "1990-05-17T00:00", "not a date"])
def test_a_text_of_another_form_fails_nothing(connection: Connection, value: str) -> None:
    put(connection, 1, birthday="1990-05-17")
    write(connection, BIRTHDAY)
    put(connection, 1, birthday=value)
    write(connection, BIRTHDAY)
    assert rows(connection) == {}


def test_facts_that_are_gone_or_are_no_dates_any_more_leave_nothing(connection: Connection) -> None:
    for user in (1, 2):
        put(connection, user, birthday="1990-05-17", wedding="2015-08-01")
    write(connection, BIRTHDAY + WEDDING)
    write(connection, BIRTHDAY + WEDDING.replace("date", "text"), "(SELECT 1 AS user_id)")
    assert set(rows(connection)) == {("birthday", 1), ("birthday", 2), ("wedding", 2)}
    write(connection, CITY)
    assert rows(connection) == {}
    assert write(connection, CITY) == []


def test_it_takes_a_few_statements_however_many_facts_there_are(connection: Connection) -> None:
    put(connection, 1, birthday="1990-05-17", wedding="2015-08-01")
    write(connection, BIRTHDAY + WEDDING)
    assert len(write(connection, BIRTHDAY + WEDDING)) == 2


def test_users_are_found_by_day_or_by_day_and_year(connection: Connection) -> None:
    for user, date in enumerate(("1990-05-17", "1991-05-17", "1990-05-18", "1992-02-29"), 1):
        put(connection, user, birthday=date, wedding="1990-05-17")
    write(connection, BIRTHDAY + WEDDING)

    def found(days: list[str], years: list[str]) -> set[int]:
        return set(connection.execute(text(users_by_date("birthday", days, years))).scalars())

    assert found(["05-17"], []) == {1, 2}
    assert found(["02-28", "02-29"], []) == {4}
    assert found(["05-17", "05-18"], ["1990"]) == {1, 3}
    assert found([], []) == set()


@pytest.mark.parametrize("years", [[], ["1990", "1991"]])
def test_users_are_found_by_index(database: Database, years: list[str]) -> None:
    query = users_by_date("birthday", ["05-17", "05-18"], years)
    [plan] = plans(database, lambda connection: connection.execute(text(query)), of="FROM user_date")
    assert "user_date_day" in plan
