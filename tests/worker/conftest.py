from pathlib import Path

import pytest

from tests.worker.house import House


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> House:
    """A brand in a folder, on a database that was migrated."""
    house = House(tmp_path / "shop", database_url)
    house.migrate()
    return house
