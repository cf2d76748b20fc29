"""A store without declared facts yet, on both databases."""

from collections.abc import Iterator

import pytest

from tests.facts.facts_store import FactsStore


@pytest.fixture
def store(database_url: str) -> Iterator[FactsStore]:
    made = FactsStore(database_url)
    yield made
    made.database.close()
