"""A real shop's year and a half, lived through tick by tick: every order of 23,570 customers (Fader and Hardie 2001)."""

import csv
import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from engine.app import App
from engine.clock import FixedClock, Instant, instant
from engine.intake.files.importing import import_events, import_users
from engine.intake.files.options import ImportOptions
from engine.intake.files.source import Source
from engine.loading import Content
from engine.settings import Brand, ContentSettings, Settings, StoreSettings
from tests.cdnow.plain import Customer, Facts, read

ORDERS = Path(__file__).parents[3] / "shared" / "data" / "cdnow" / "orders.csv"
BRAND = Path(__file__).parent / "brand"
START, END = datetime(1997, 1, 1, tzinfo=UTC), datetime(1998, 6, 30, tzinfo=UTC)
CHOSEN = {"1997-01-29", "1997-04-30", "1997-09-03", "1998-02-04", "1998-06-24"}
"""Days, all of them in a weekly round, on which every fact of every user is checked."""

pytestmark = pytest.mark.skipif(
    not ORDERS.exists(), reason="the CDNOW data is not here: ../shared/data/cdnow/orders.csv"
)


class Shop:
    """A store that the orders were imported into, and the same customers in plain Python."""

    def __init__(self, url: str, folder: Path) -> None:
        self.folder = folder
        self.clock = FixedClock(instant(START))
        parts = {name: BRAND / name for name in ("rules", "playbooks", "templates")}
        settings = Settings(
            brand=Brand(currency="USD", timezone="UTC"),
            store=StoreSettings(url=url),
            content=ContentSettings.model_validate(parts),
            adapters={"capture": {"folder": str(folder / "mail")}},
        )
        self.app = App(settings, self.clock)
        self.content: Content = self.app.content()
        self.app.migrate(self.content)
        self.customers = read(ORDERS)

    def bring_in(self) -> tuple[int, int]:
        """Import users and orders; return how many of each were new."""
        users = self.folder / "users.csv"
        with users.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["key", "email", "created_at"])
            writer.writerows([key, f"c{key}@example.com", "1997-01-01"] for key in self.customers)
        declared = self.content.catalog.declared()
        database, options = self.app.database, ImportOptions()
        first = import_users(database, Source(users), declared, options, self.clock)
        options = ImportOptions(
            columns={"user": "customer_id", "at": "date", "amount": "amount", "cds": "cds"},
            constants={"name": "order_completed"},
            rejected=self.folder / "rejected.csv",
        )
        second = import_events(database, Source(ORDERS), declared, options, self.clock)
        return first.new, second.new

    def live(self, step: timedelta) -> Iterator[datetime]:
        """Tick and deliver from the first day to the last; yield each day after it was lived."""
        rounds = (END - START) // step
        for day in sorted({*(START + number * step for number in range(rounds + 1)), END}):
            self.clock.move_to(instant(day))
            self.app.tick(self.content, self.clock.now())
            self.app.deliver(self.content)
            yield day

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """Return what a query finds."""
        with self.app.database.read() as connection:
            return [tuple(row) for row in connection.execute(text(sql))]


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Iterator[Shop]:
    made = Shop(database_url, tmp_path)
    yield made
    made.app.close()


def _check_facts(shop: Shop, now: Instant) -> None:
    names = [field.name for field in dataclasses.fields(Facts)]
    columns = ", ".join(f"s.fact_{name}" for name in names)
    found = shop.rows(
        f"SELECT u.key, {columns} FROM users AS u JOIN user_state AS s ON s.user_id = u.id ORDER BY u.key"
    )
    assert len(found) == 23_570
    for key, *values in found:
        assert dataclasses.astuple(shop.customers[str(key)].facts(now)) == tuple(values), key


def _check_placements(shop: Shop) -> None:
    found = shop.rows(
        "SELECT u.key, s.place_value, s.place_lifecycle, s.place_taste"
        " FROM users AS u JOIN user_state AS s ON s.user_id = u.id ORDER BY u.key"
    )
    wrong = [
        (row, _standing(shop.customers[str(row[0])]))
        for row in found
        if row[1:] != _standing(shop.customers[str(row[0])])
    ]
    assert wrong == []


def _standing(customer: Customer) -> tuple[str | None, str | None, str]:
    return customer.value, customer.lifecycle, customer.taste


def _check_chains(shop: Shop) -> None:
    standing: dict[tuple[object, ...], object] = {}
    for user, dimension, before, after in shop.rows(
        "SELECT user_id, dimension, from_place, to_place FROM transition ORDER BY id"
    ):
        slot = (user, dimension, before or after if dimension == "taste" else None)
        assert standing.get(slot) == before
        standing[slot] = after
    assert len(standing) > 2 * 23_570


def _counts(shop: Shop) -> list[tuple[object, ...]]:
    tables = ("users", "event", "transition", "enrolment", "action", "action_event", "coupon_code")
    return [shop.rows(f"SELECT count(*) FROM {table}")[0] for table in tables]


def _live_and_check(shop: Shop, step: timedelta) -> None:
    assert shop.bring_in() == (23_570, 69_659)
    for day in shop.live(step):
        now = instant(day)
        for customer in shop.customers.values():
            customer.look(now)
        _check_placements(shop)
        if day.date().isoformat() in CHOSEN:
            _check_facts(shop, now)
    _check_chains(shop)
    assert shop.rows("SELECT count(*), sum(amount) FROM event") == [(69_659, 250_031_563)]


def _check_actions(shop: Shop) -> None:
    again = (
        "SELECT count(*) FROM (SELECT 1 FROM enrolment GROUP BY playbook, user_id, occurrence HAVING count(*) > 1) AS x"
    )
    assert shop.rows(again) == [(0,)]
    twice = "SELECT count(*) FROM (SELECT 1 FROM action GROUP BY enrolment_id, step HAVING count(*) > 1) AS x"
    assert shop.rows(twice) == [(0,)]
    states = {str(state): int(str(n)) for state, n in shop.rows("SELECT state, count(*) FROM action GROUP BY state")}
    assert set(states) <= {"accepted", "cancelled"}
    mails = sum(1 for _ in (shop.folder / "mail").rglob("*.eml"))
    assert mails == states["accepted"] > 4_000


def _check_thanks(shop: Shop) -> None:
    """Each large order was thanked for; ticks that are further apart than a playbook's `expires` would miss some."""
    thanks = "SELECT count(*) FROM enrolment WHERE playbook = 'order_thanks'"
    assert shop.rows(thanks) == [(_large_orders(shop),)]


def _large_orders(shop: Shop) -> int:
    last = instant(END)
    return sum(order.cents >= 10_000 and order.at <= last for one in shop.customers.values() for order in one.orders)


def _check_second_run(shop: Shop, step: timedelta) -> None:
    before = _counts(shop)
    assert shop.bring_in() == (0, 0)
    for _ in shop.live(step):
        pass
    assert _counts(shop) == before


def test_a_year_and_a_half_every_four_weeks(migrated_sqlite_url: str, tmp_path: Path) -> None:
    """On one database: both live through it week by week in bulk."""
    shop, weeks = Shop(migrated_sqlite_url, tmp_path), timedelta(weeks=4)
    _live_and_check(shop, weeks)
    _check_actions(shop)
    _check_second_run(shop, weeks)
    shop.app.close()


@pytest.mark.bulk
@pytest.mark.timeout(600)
def test_a_year_and_a_half_week_by_week(shop: Shop) -> None:
    week = timedelta(days=7)
    _live_and_check(shop, week)
    _check_actions(shop)
    _check_thanks(shop)
    _check_second_run(shop, week)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_year_and_a_half_day_by_day(shop: Shop) -> None:
    day = timedelta(days=1)
    _live_and_check(shop, day)
    _check_actions(shop)
    _check_thanks(shop)
    _check_second_run(shop, day)
