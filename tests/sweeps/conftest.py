"""The shop, on both databases."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.sweeps.shop import shop
from tests.world import World


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    with closing(shop(tmp_path / "shop", database_url)) as made:
        yield made
