"""A world of Maison, and one of scripted providers, on each of the two databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.delivery.world import World as Shop
from tests.world import World


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    made = World(tmp_path, database_url).open()
    yield made
    made.close()


@pytest.fixture
def shop(database_url: str) -> Iterator[Shop]:
    made = Shop.create(database_url)
    yield made
    made.database.close()
