"""Intake probes what it needs by keys: storing one event costs the same however many there are."""

import re

from tests.intake.intake_store import Intake
from tests.plans import noted_plans

_SCANNED = re.compile(r"SCAN (\S+)|Seq Scan on (\S+)")
_LARGE = {"users", "event", "user_news", "user_due", "user_state", "profile_change"}
_SHORT = {"u": "users", "e": "event", "n": "user_news", "t": "user_due", "s": "user_state"}
"""What intake calls these tables in its statements."""


def read_through(plan: str) -> set[str]:
    """Return the large tables, or their indexes, that a plan reads from end to end."""
    names = {sqlite or postgresql for sqlite, postgresql in _SCANNED.findall(plan)}
    return {_SHORT.get(name, name) for name in names} & _LARGE


def test_events_are_stored_without_reading_those_that_are_there(intake: Intake) -> None:
    intake.events("event_id,customer_id,event,at\ne1,ann,order_completed,2026-01-02T10:00:00Z\n", "first.csv")
    with noted_plans(intake.database, of="SELECT") as plans:
        intake.events("event_id,customer_id,event,at\ne2,ben,order_completed,2026-01-03T10:00:00Z\n", "second.csv")
    assert len(plans) > 4
    assert set().union(*map(read_through, plans)) == set()


def test_users_are_stored_without_reading_those_that_are_there(intake: Intake) -> None:
    intake.users("id,email\nann,ann@example.com\n", "first.csv")
    with noted_plans(intake.database, of="SELECT") as plans:
        intake.users("id,email\nann,ann2@example.com\nben,ben@example.com\n", "second.csv")
    assert len(plans) > 4
    assert set().union(*map(read_through, plans)) == set()
