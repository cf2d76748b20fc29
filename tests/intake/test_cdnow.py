"""Eighteen months of real orders, without keys, many of them alike."""

from pathlib import Path

import pytest

from engine.intake.files.importing import import_events
from engine.intake.files.options import ImportOptions, parse_map
from engine.intake.files.source import Source
from tests.intake.intake_store import DECLARED, Intake

ORDERS = Path(__file__).parents[2] / ".." / "shared" / "data" / "cdnow" / "orders.csv"


@pytest.mark.skipif(not ORDERS.exists(), reason="../shared/data/cdnow/orders.csv is not here")
def test_every_order_comes_in_once(intake: Intake) -> None:
    columns, constants = parse_map(["user=customer_id", "at=date", "amount=amount", "name==order_completed"])
    options = ImportOptions(columns, constants, rejected=intake.folder / "rejected.csv")
    summary = import_events(intake.database, Source(ORDERS), DECLARED, options, intake.clock)
    assert (summary.read, summary.new, summary.rejected, summary.users_made) == (69_659, 69_659, 0, 23_570)
    assert intake.query("SELECT count(*), CAST(sum(amount) AS bigint) FROM event") == [(69_659, 250_031_563)]
    again = ImportOptions(columns, constants, rejected=intake.folder / "rejected.csv", again=True, chunk=7_000)
    assert import_events(intake.database, Source(ORDERS), DECLARED, again, intake.clock).same == 69_659
