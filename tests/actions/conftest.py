"""A world of Maison, and one with a queue, on each of the two databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deliveries import Deliveries
from tests.world import World


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    made = World(tmp_path, database_url).open()
    yield made
    made.close()


@pytest.fixture
def shop(tmp_path: Path, database_url: str) -> Iterator[Deliveries]:
    made = Deliveries.create(tmp_path, database_url)
    yield made
    made.close()
