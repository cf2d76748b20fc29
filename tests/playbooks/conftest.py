"""A shop on both databases."""

from collections.abc import Iterator

import pytest

from tests.playbooks.shop import Shop, open_shop


@pytest.fixture
def shop(database_url: str) -> Iterator[Shop]:
    """A shop without playbooks on a fresh database of each kind."""
    opened = open_shop(database_url)
    yield opened
    opened.database.close()


@pytest.fixture
def sqlite_shop(sqlite_url: str) -> Iterator[Shop]:
    """A shop without playbooks on SQLite: for what is reckoned outside the database."""
    opened = open_shop(sqlite_url)
    yield opened
    opened.database.close()
