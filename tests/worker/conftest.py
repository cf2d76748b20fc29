from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import migrate, quick
from tests.world import World


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """A world whose workers are quick, on a database that was migrated."""
    world = quick(tmp_path / "maison", database_url)
    migrate(world)
    yield world
    world.close()
