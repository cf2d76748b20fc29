"""A world with a queue, on each of the two databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deliveries import Deliveries


@pytest.fixture
def shop(tmp_path: Path, database_url: str) -> Iterator[Deliveries]:
    made = Deliveries.create(tmp_path / "maison", database_url)
    yield made
    made.close()
