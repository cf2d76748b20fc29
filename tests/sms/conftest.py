"""Maison with text messages, on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.world import World


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    """Maison, migrated and applied."""
    made = World(tmp_path / "maison", database_url).open()
    yield made
    made.close()
