"""``habitue report``: what it counts, in which days, and that every form says the same."""

import csv
import io
import json
from dataclasses import astuple
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, text

from engine.calendar.local_days import LocalDays
from engine.calendar.zones import local_day
from engine.clock import DAY, HOUR, Instant
from engine.explain.report.days import read_days
from engine.explain.report.models import DayCount, Report
from engine.explain.report.reading import ReportWindow, read_report
from engine.store.dialects import dialect_of
from tests.world import World, day, number

UTC = ZoneInfo("UTC")
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture
def lived(world: World) -> World:
    """A big spender who will fall, a customer who asks for a code that is not there, and one who got thanks."""
    world.codes("C-1")
    world.user("ann")
    for at in (1, 1.1, 1.2):
        world.order("ann", at, 20_000, category="tea")
    world.tick(2, deliver=True)
    world.order("bob", 3, category="beauty")
    world.tick(3, deliver=True)
    world.event("cy", "signed_up", 4)
    world.tick(4, deliver=True)
    return world


def report(world: World, since: float | None = None, zone: ZoneInfo = UTC) -> Report:
    window = ReportWindow(world.clock.now(), zone, None if since is None else day(since))
    with world.app.database.read() as connection:
        return read_report(connection, world.content().rules.dimensions, window)


def test_customers_by_place(lived: World) -> None:
    found = report(lived)
    assert (found.users, found.events, found.ticks) == (3, 5, 4)
    places = {(one.dimension, one.place): one.customers for one in found.places}
    assert places == {
        ("value", "high"): 1, ("value", "low"): 2,
        ("lifecycle", "potential"): 1, ("lifecycle", "active"): 2, ("lifecycle", "at_risk"): 0,
        ("needs", "beauty"): 1, ("needs", "vip"): 1,
    }  # fmt: skip
    assert (found.stage, found.tier) == ("lifecycle", "value")
    assert [astuple(one) for one in found.crossed] == [
        ("active", "high", 1),
        ("active", "low", 1),
        ("potential", "low", 1),
    ]


def test_actions_by_playbook_and_reason_since_an_instant(lived: World) -> None:
    counted = {astuple(one) for one in report(lived).actions}
    assert ("thanks", "held", "coupon_pool_empty", 3) in counted or len(counted) >= 2
    assert sum(one.count for one in report(lived).actions) == lived.rows("SELECT count(*) FROM action")[0][0]
    late = report(lived, since=3.5)
    assert {one.playbook for one in late.actions} == {"welcome"}
    assert report(lived, since=4.5).actions == ()


def test_transitions_by_cause_without_first_placements(lived: World) -> None:
    assert report(lived).transitions == ()
    lived.tick(80)
    moves = {astuple(one) for one in report(lived).transitions}
    assert ("lifecycle", "active", "at_risk", "time", 2) in moves
    entered = {(one.place, one.entered, one.left) for one in report(lived).places if one.dimension == "lifecycle"}
    assert {("at_risk", 2, 0), ("active", 0, 2)} <= entered
    assert report(lived, since=81).transitions == ()


def test_who_waits_for_a_downgrade_and_until_when(lived: World) -> None:
    """Spend of the last 365 days ends a year after the orders; then the grace of 30 days begins."""
    assert (report(lived).downgrades, report(lived).next_downgrades) == ((), ())
    fell = 1 + 365 + 1
    lived.tick(fell)
    found = report(lived, zone=NEW_YORK)
    [waiting] = found.next_downgrades
    assert (waiting.user, waiting.dimension, waiting.place) == ("ann", "value", "high")
    assert waiting.until == waiting.waiting_since + 30 * DAY
    placements = {one.dimension: one for one in lived.explain("ann", fell).dimensions}
    explained = placements["value"].slots[0]
    assert (explained.decision, explained.until) == ("waits", waiting.until)
    [counted] = found.downgrades
    assert astuple(counted) == ("value", "high", local_day(waiting.until, NEW_YORK).isoformat(), 1)


def test_days_are_those_of_the_brand(lived: World) -> None:
    lived.execute("DELETE FROM transition")
    lived.execute("DELETE FROM action")
    at = number("2026-03-08T04:30:00")  # 23:30 of the day before in New York, where clocks change that night
    lived.execute("UPDATE enrolment SET entered_at = :at", at=day(at))
    [(entered,)] = lived.rows("SELECT count(*) FROM enrolment")
    with lived.app.database.read() as connection:
        east = read_days(connection, ReportWindow(lived.clock.now(), UTC))
        west = read_days(connection, ReportWindow(lived.clock.now(), NEW_YORK))
    assert east == (DayCount("2026-03-08", "entered", entered),)
    assert west == (DayCount("2026-03-07", "entered", entered),)


@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "UTC"])
def test_the_database_agrees_with_the_calendar_about_days(world: World, zone: str) -> None:
    """Around the changes of clocks of two years, half-hourly; in Apia a day was left out."""
    place = ZoneInfo(zone)
    first = day(number("2011-03-01")) if zone == "Pacific/Apia" else day(number("2025-02-25"))
    last = Instant(first + 700 * DAY)
    days = LocalDays(place, first, last)
    instants = [at for at in range(first, last, HOUR // 2) if (at - first) // DAY % 7 in {0, 5, 6}]

    def numbers(connection: Connection) -> list[tuple[int, int]]:
        rows = ", ".join(f"(CAST({at} AS BIGINT))" for at in instants)
        sql = days.sql("v.at", dialect_of(connection))
        query = text(f"WITH v(at) AS (VALUES {rows}) SELECT v.at, {sql} FROM v")
        return [(row[0], row[1]) for row in connection.execute(query)]

    with world.app.database.read() as connection:
        wrong = [at for at, counted in numbers(connection) if days.date(counted) != local_day(at, place)]
    assert wrong == []


def test_a_store_without_anything(world: World) -> None:
    found = report(world)
    assert (found.users, found.crossed, found.transitions, found.actions) == (0, (), (), ())
    with world.app.database.read() as connection:
        assert read_days(connection, ReportWindow(world.clock.now(), UTC)) == ()
    for words in ((), ("--by", "day"), ("--by", "reason"), ("--json",)):
        assert world.program("report", *words).returncode == 0


@pytest.mark.parametrize("by", ["day", "playbook", "place", "reason"])
def test_every_form_says_the_same(lived: World, by: str) -> None:
    as_json = json.loads(lived.program("report", "--by", by, "--json").stdout)
    as_csv = list(csv.DictReader(io.StringIO(lived.program("report", "--by", by, "--format", "csv").stdout)))
    assert len(as_json) > 1
    assert [{name: "" if cell is None else str(cell) for name, cell in row.items()} for row in as_json] == as_csv
    shown = lived.program("report", "--by", by).stdout
    for row in as_json:
        assert f"{row.get('count', row.get('customers')):,}" in shown
        assert all(word in shown for name, word in row.items() if name in {"playbook", "place", "reason", "day"})


def test_the_whole_report_as_tables_and_as_json(lived: World) -> None:
    done = lived.program("report", "--since", "2026-01-01")
    assert done.returncode == 0
    assert "3 customers, 5 events, 4 ticks" in done.stdout
    for title in ("Customers by lifecycle and value", "Transitions", "Actions and their reasons"):
        assert title in done.stdout
    document = json.loads(lived.program("report", "--json").stdout)
    assert document["users"] == 3
    assert document["crossed"][0] == {"stage": "active", "tier": "high", "customers": 1}


def test_a_key_that_is_an_address_is_masked(world: World) -> None:
    world.user("ann@example.com")
    for at in (1, 1.1, 1.2):
        world.order("ann@example.com", at, 20_000, category="tea")
    world.tick(2)
    world.tick(367)
    for words in ((), ("--json",)):
        shown = world.program("report", *words).stdout
        assert "a•••@example.com" in shown
        assert "ann@" not in shown


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--format", "csv"), "add --by day|playbook|place|reason"),
        (("--by", "day", "--format", "csv", "--json"), "use either --json or --format csv"),
        (("--since", "yesterday"), "`yesterday` is not a date or time"),
    ],
)
def test_what_makes_no_sense_is_said(world: World, words: tuple[str, ...], says: str) -> None:
    done = world.program("report", *words)
    assert done.returncode == 2
    assert says in done.stderr


def test_no_day_is_missing_in_a_year_of_changes() -> None:
    days = LocalDays(NEW_YORK, day(0), day(400))
    assert days.date(0) == date(2025, 12, 31)
