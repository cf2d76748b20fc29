"""A brand without declared facts yet, on both databases."""

from collections.abc import Iterator

import pytest

from tests.facts.brand import Brand


@pytest.fixture
def brand(database_url: str) -> Iterator[Brand]:
    made = Brand(database_url)
    yield made
    made.database.close()
