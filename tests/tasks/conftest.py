"""The brand with two tasks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tasks.desk import Desk


@pytest.fixture
def desk(tmp_path: Path, database_url: str) -> Iterator[Desk]:
    made = Desk.create(tmp_path / "maison", database_url)
    yield made
    made.close()
