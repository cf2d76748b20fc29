from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.intake.intake_store import Intake, fresh


@pytest.fixture
def intake(database_url: str, tmp_path: Path) -> Iterator[Intake]:
    """Imports into a fresh store; once on SQLite, once on PostgreSQL."""
    with fresh(database_url) as database:
        yield Intake(database, tmp_path)


@pytest.fixture
def sqlite_intake(sqlite_url: str, tmp_path: Path) -> Iterator[Intake]:
    """Imports into a fresh store on SQLite, for what the database has no part in."""
    with fresh(sqlite_url) as database:
        yield Intake(database, tmp_path)
