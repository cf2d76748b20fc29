from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cost_of_change.test_fax import Office, office


@pytest.fixture
def fax(tmp_path: Path, database_url: str) -> Iterator[Office]:
    """A brand that has sent a fax to each of Ann and Bo, and whose provider reports."""
    world = office(tmp_path, database_url)
    world.open()
    for number, key in enumerate(("ann", "bo")):
        world.user(key, 0, first_name=key.title(), fax_number=f"+493090182{number}")
        world.order(key, 1, 1_200)
    world.tick(1.1, deliver=True)
    yield world
    world.close()
