"""The house of these tests, on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.explain.house import House, open_house


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    """The small brand, migrated and applied."""
    made = open_house(tmp_path, database_url)
    yield made
    made.app.close()
