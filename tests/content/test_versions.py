"""Who holds a version keeps it running until the transaction ends; who applies another waits for that."""

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial

import pytest
from sqlalchemy import Connection, text

from engine.clock import Instant
from engine.content.bundle import Bundle
from engine.content.versions import hold_version, record_bundle
from engine.errors import StoreConflict, VersionReplaced
from engine.store.database import Database
from engine.store.sweep import wait_for_chunks

OLD, NEW = Bundle({"rules/facts.toml": "# old"}), Bundle({"rules/facts.toml": "# new"})


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with closing(Database(database_url)) as opened:
        yield opened


@pytest.fixture
def postgresql(migrated_postgresql_url: str) -> Iterator[Database]:
    """PostgreSQL alone: on SQLite the second writer would not even begin."""
    with closing(Database(migrated_postgresql_url)) as opened:
        apply(opened, OLD, 1)
        yield opened


def apply(database: Database, bundle: Bundle, now: int) -> None:
    with database.write() as connection:
        wait_for_chunks(connection)
        record_bundle(connection, bundle, Instant(now))


def hold(database: Database, version: str) -> None:
    with database.write() as connection:
        hold_version(connection, version)


def waits(database: Database, work: Callable[[Connection], None]) -> bool:
    """Tell whether ``work`` would have to wait for another transaction."""
    try:
        with database.write() as connection:
            connection.execute(text("SET LOCAL lock_timeout = '1ms'"))
            work(connection)
    except StoreConflict:
        return True
    return False


def test_the_running_version_is_held_and_no_other(database: Database) -> None:
    with pytest.raises(VersionReplaced):
        hold(database, OLD.version)
    apply(database, OLD, 1)
    hold(database, OLD.version)
    apply(database, NEW, 2)
    with pytest.raises(VersionReplaced, match=f"{OLD.version} .* version {NEW.version} was applied"):
        hold(database, OLD.version)
    hold(database, NEW.version)
    apply(database, OLD, 3)
    hold(database, OLD.version)


def test_nobody_applies_while_a_version_is_held(postgresql: Database) -> None:
    with postgresql.write() as chunk:
        hold_version(chunk, OLD.version)
        assert waits(postgresql, wait_for_chunks)
    assert not waits(postgresql, wait_for_chunks)


def test_nobody_holds_a_version_while_another_is_applied(postgresql: Database) -> None:
    with postgresql.write() as applying:
        wait_for_chunks(applying)
        assert waits(postgresql, partial(hold_version, version=OLD.version))


def test_any_number_hold_it_at_a_time(postgresql: Database) -> None:
    with postgresql.write() as chunk:
        hold_version(chunk, OLD.version)
        assert not waits(postgresql, partial(hold_version, version=OLD.version))
