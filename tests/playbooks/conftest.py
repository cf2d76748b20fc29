"""Maison without playbooks: each test lays its own in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.world import World


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    """Maison on a fresh database of each kind, not opened yet."""
    made = World(tmp_path / "maison", database_url)
    yield made
    made.close()


@pytest.fixture
def sqlite_world(tmp_path: Path, migrated_sqlite_url: str) -> Iterator[World]:
    """Maison on SQLite: for what is reckoned outside the database."""
    made = World(tmp_path / "maison", migrated_sqlite_url)
    yield made
    made.close()
