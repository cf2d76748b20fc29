"""Errors of the database are known by their codes, and say nothing of passwords or of what stands in rows."""

import socket
import sqlite3
import threading
from contextlib import closing
from functools import partial
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from engine.errors import StoreConflict, StoreError, StoreRolledBack, StoreValueError
from engine.store.database import Database
from tests.store.failing import ask, shown


def error_of(url: str) -> str:
    with closing(Database(url)) as database, pytest.raises(StoreError) as caught, database.read():
        pass
    return str(caught.value)


# --- no connection ---------------------------------------------------------------------------------------------------


def test_a_missing_database(postgres: psycopg.Connection, postgresql_url: str) -> None:
    said = error_of(postgresql_url.replace("/t_", "/gone_"))
    assert "has no database of that name: create it with `createdb`, or check store.url" in said
    assert "migrate" not in said


def test_a_missing_role(postgres: psycopg.Connection, postgresql_url: str) -> None:
    said = error_of(postgresql_url.replace("postgres@", "nobody_of_that_name@"))
    assert "refuses the user or password: check store.url or HABITUE_STORE__URL" in said
    assert "migrate" not in said


def test_a_role_that_may_not_log_in(postgres: psycopg.Connection, postgresql_url: str) -> None:
    role = f"r_{make_url(postgresql_url).database}"
    postgres.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))
    try:
        assert "refuses the user or password" in error_of(postgresql_url.replace("postgres@", f"{role}@"))
    finally:
        postgres.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def test_a_database_that_takes_no_more_connections(postgres: psycopg.Connection, postgresql_url: str) -> None:
    name, role = str(make_url(postgresql_url).database), "guest_with_one_seat"
    postgres.execute(sql.SQL("CREATE ROLE {} LOGIN CONNECTION LIMIT 0").format(sql.Identifier(role)))
    try:
        said = error_of(postgresql_url.replace("postgres@", f"{role}@"))
    finally:
        postgres.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))
    assert "is overloaded" in said
    assert name in said


def test_a_closed_port() -> None:
    said = error_of("postgresql://shop:hunter2@127.0.0.1:1/shop")
    assert "postgresql://shop:***@127.0.0.1:1/shop cannot be reached" in said


def test_a_host_that_is_not_known() -> None:
    assert "cannot be reached" in error_of("postgresql://shop:hunter2@nowhere.invalid/shop")


def test_a_server_that_says_nothing_it_knows() -> None:
    """Whatever a server's text is, it decides nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        answer = threading.Thread(target=partial(_answer, server), daemon=True)
        answer.start()
        said = error_of(f"postgresql://shop@127.0.0.1:{server.getsockname()[1]}/shop")
    assert "cannot be reached" in said


def _answer(server: socket.socket) -> None:
    for _ in range(6):
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            connection.recv(1024)
            connection.sendall(b"E\0\0\0\x2cSFATAL\0Mdisk full, no such table, password\0\0")


@pytest.mark.parametrize("query", ["password=hunter2", "sslpassword=hunter2", "passfile=/hunter2", "passwort=hunter2"])
def test_a_password_in_the_query_is_not_shown(query: str) -> None:
    url = f"postgresql://127.0.0.1:1/shop?{query}&sslmode=disable"
    with closing(Database(url)) as database, pytest.raises((StoreError, DBAPIError)) as caught, database.read():
        pass
    assert "hunter2" not in shown(caught.value)
    if isinstance(caught.value, StoreError):
        assert "sslmode=disable" in str(caught.value)


@pytest.mark.parametrize("url", ["postgresql://shop:hunter2@127.0.0.1:notaport/shop", "://hunter2", "hunter2"])
def test_a_url_that_is_none_is_not_repeated(url: str) -> None:
    with pytest.raises(StoreError, match=r"store\.url") as caught:
        Database(url)
    assert "hunter2" not in shown(caught.value)


# --- a connection, and then an error ---------------------------------------------------------------------------------


def test_text_that_does_not_decode(migrated_sqlite_url: str) -> None:
    with closing(Database(migrated_sqlite_url)) as database, pytest.raises(StoreValueError) as caught:
        ask(database, "SELECT CAST(x'ff416e6e' AS TEXT) AS name")
    assert "Ann" not in shown(caught.value)


def test_two_writers_that_block_each_other_get_an_error_of_its_own(postgresql_url: str) -> None:
    with closing(Database(postgresql_url)) as database:
        with database.write() as connection:
            connection.execute(text("CREATE TABLE cup (id INTEGER PRIMARY KEY, n INTEGER)"))
            connection.execute(text("INSERT INTO cup VALUES (1, 0), (2, 0)"))
        both, ended = threading.Barrier(2), list[str]()

        def cross(first: int, second: int) -> None:
            try:
                with database.write() as connection:
                    connection.execute(text("SET LOCAL deadlock_timeout = '50ms'"))
                    connection.execute(text("UPDATE cup SET n = n + 1 WHERE id = :id"), {"id": first})
                    both.wait()
                    connection.execute(text("UPDATE cup SET n = n + 1 WHERE id = :id"), {"id": second})
                ended.append("committed")
            except StoreRolledBack as error:
                ended.append(str(error).partition(" undid a transaction in favour of another one ")[2])

        threads = [threading.Thread(target=cross, args=pair) for pair in ((1, 2), (2, 1))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(ended) == ["(deadlock detected): try again", "committed"]


def test_a_file_that_stays_locked_is_the_same_error(migrated_sqlite_url: str) -> None:
    with closing(Database(migrated_sqlite_url)) as database:
        event.listen(database.engine, "connect", _impatient)
        with closing(sqlite3.connect(str(make_url(migrated_sqlite_url).database))) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreConflict, match="is in use by another transaction"), database.write():
                pass


def _impatient(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA busy_timeout = 1")


def test_the_file_of_a_database_is_for_its_user_alone(sqlite_url: str) -> None:
    path = Path(str(make_url(sqlite_url).database))
    with closing(Database(sqlite_url)) as database, database.write() as connection:
        connection.execute(text("CREATE TABLE x (y INTEGER)"))
        files = sorted(path.parent.iterdir())
        assert len(files) > 1, "the file and its journal"
        assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
