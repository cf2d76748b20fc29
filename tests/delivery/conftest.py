"""A world on each of the two databases."""

from collections.abc import Iterator

import pytest

from tests.delivery.world import World


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = World.create(database_url)
    yield made
    made.database.close()
