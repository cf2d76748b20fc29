"""The databases that ship keep the contract, and so does the one that only the tests know, as far as it is read."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import Connection

from engine.errors import StoreError
from engine.store.database import Database
from engine.store.dialects import DIALECTS
from engine.store.dialects.postgresql import POSTGRESQL
from engine.store.dialects.sqlite import SQLITE
from tests.contracts.dialect_contract import DialectContract, StoreContract
from tests.cost_of_change.duckdb_dialect import DUCKDB, memory


class TestSqlite(StoreContract):
    dialect = SQLITE

    @pytest.fixture
    def connection(self, migrated_sqlite_url: str) -> Iterator[Connection]:
        with closing(Database(migrated_sqlite_url)) as database, database.write() as connection:
            yield connection

    def test_a_driver_that_is_not_installed_is_refused(self) -> None:
        with pytest.raises(StoreError, match=r"^store\.url is not a database that Habitué supports"):
            Database("sqlite+nonsense:///var/habitue.db")


class TestPostgresql(StoreContract):
    dialect = POSTGRESQL

    @pytest.fixture
    def connection(self, migrated_postgresql_url: str) -> Iterator[Connection]:
        with closing(Database(migrated_postgresql_url)) as database, database.write() as connection:
            yield connection


class TestDuckDb(DialectContract):
    dialect = DUCKDB

    @pytest.fixture
    def connection(self) -> Iterator[Connection]:
        with memory() as connection:
            yield connection


def test_names_tell_them_apart() -> None:
    assert [one.name for one in DIALECTS] == ["sqlite", "postgresql"]
