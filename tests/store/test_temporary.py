"""Temporary tables: what a tick works on decides what it reads."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from engine.clock import Instant
from engine.store.database import Database
from engine.store.dialects.sqlite import SQLITE
from engine.store.due import take_due_users
from engine.store.state_table import migrate
from engine.store.temporary import temporary


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    migrate(made)
    yield made
    made.close()


def test_due_users_are_taken_the_longest_due_first_up_to_the_limit(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("INSERT INTO user_due (user_id, due_at) VALUES (1, 30), (2, 10), (3, 20), (4, 99)"))
        assert take_due_users(connection, database.dialect, Instant(50), 2) == 2
        assert set(connection.execute(text("SELECT user_id FROM due_user")).scalars()) == {2, 3}


@pytest.mark.parametrize("table", ["event", "transition", "enrolment"])
def test_what_belongs_to_a_few_users_is_found_by_index(tmp_path_factory: pytest.TempPathFactory, table: str) -> None:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('store') / 'habitue.db'}")
    migrate(database)
    with database.write() as connection:
        connection.execute(text("INSERT INTO user_due (user_id, due_at) VALUES (1, 0), (2, 0), (3, 0)"))
        take_due_users(connection, database.dialect, Instant(50), 10)
        query = f"EXPLAIN QUERY PLAN SELECT o.id FROM due_user AS d JOIN {table} AS o ON o.user_id = d.user_id"
        plan = [row[3] for row in connection.execute(text(query))]
    database.close()
    assert plan[0].startswith("SCAN d")
    assert plan[1].startswith("SEARCH o USING")


def test_a_clustered_table_is_looked_up_by_its_key(database: Database) -> None:
    with database.write() as connection:
        for _ in range(2):
            temporary(connection, database.dialect, "pair", "a INTEGER, b TEXT, PRIMARY KEY (a, b)", clustered=True)
            connection.execute(text("INSERT INTO pair VALUES (1, 'x'), (1, 'y')"))
        assert connection.execute(text("SELECT count(*) FROM pair WHERE a = 1 AND b = 'y'")).scalar_one() == 1
        if database.dialect is SQLITE:
            with pytest.raises(OperationalError, match="rowid"):
                connection.execute(text("SELECT rowid FROM pair"))
