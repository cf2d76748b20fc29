"""The generated brand in a store and in files: whole, once, and the same either way."""

import csv
import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import insert, text

from engine.channels import CHANNELS
from engine.channels.base import channel_addresses
from engine.clock import DAY, FixedClock, Instant, instant
from engine.demo.history import generate
from engine.demo.output import DemoCounts, export_brand, is_complete, stored_start, write_brand
from engine.demo.spec import DemoSpec
from engine.errors import InputError
from engine.intake.files.importing import import_devices, import_events, import_users
from engine.intake.files.options import ImportOptions
from engine.intake.files.source import Source
from engine.store.database import Database
from engine.store.state_table import migrate
from engine.store.tables import Tick
from tests.brand import brand

SPEC = DemoSpec.ending(instant(datetime(2026, 6, 1, tzinfo=UTC)), users=60)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    migrate(opened)
    yield opened
    opened.close()


def count(database: Database, table: str) -> int:
    with database.read() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def test_writes_everybody_and_everything_once(database: Database) -> None:
    told: list[int] = []
    lives = list(generate(SPEC))
    expected = DemoCounts(len(lives), sum(len(life.events) for life in lives), sum(len(life.devices) for life in lives))
    assert write_brand(database, SPEC, told.append) == expected
    assert (count(database, "users"), count(database, "event")) == (expected.users, expected.events)
    assert count(database, "device") == expected.devices > 10
    assert told == [expected.users]
    assert write_brand(database, SPEC) == DemoCounts()
    assert (count(database, "users"), count(database, "event")) == (expected.users, expected.events)


def test_a_later_end_adds_what_happened_since(database: Database) -> None:
    write_brand(database, SPEC)
    before = count(database, "event")
    later = DemoSpec(SPEC.users, SPEC.seed, SPEC.start, Instant(SPEC.end + 10 * DAY))
    made = write_brand(database, later)
    assert made.events > 0
    assert count(database, "event") == before + made.events
    with database.read() as connection:
        oldest = connection.execute(text("SELECT min(at) FROM event WHERE received_at = :now"), {"now": later.end})
        assert oldest.scalar_one() > SPEC.end


def test_a_story_that_was_begun_is_known_by_its_start(database: Database) -> None:
    with database.read() as connection:
        assert stored_start(connection, SPEC.seed) is None
    write_brand(database, SPEC)
    with database.read() as connection:
        assert stored_start(connection, SPEC.seed) == SPEC.start


def test_other_customers_are_not_mixed_with(database: Database) -> None:
    write_brand(database, SPEC)
    with database.read() as connection, pytest.raises(InputError, match="use another store"):
        stored_start(connection, SPEC.seed + 1)


def test_told_means_written_and_lived(database: Database) -> None:
    write_brand(database, SPEC)
    with database.write() as connection:
        assert not is_complete(connection, SPEC)
        connection.execute(insert(Tick).values(at=SPEC.end, started_at=0, content_version="x"))
        assert is_complete(connection, SPEC)
        assert not is_complete(connection, DemoSpec.ending(SPEC.end, users=600))
        assert not is_complete(connection, DemoSpec(SPEC.users, SPEC.seed, SPEC.start, Instant(SPEC.end + DAY)))


def test_the_files_say_the_same(tmp_path: Path) -> None:
    made = export_brand(tmp_path / "demo", SPEC)
    lives = list(generate(SPEC))
    with (tmp_path / "demo" / "users.csv").open(encoding="utf-8", newline="") as file:
        users = list(csv.DictReader(file))
    assert [row["key"] for row in users] == [life.user.key for life in lives]
    assert [row["phone"] or None for row in users] == [life.user.phone for life in lives]
    assert [row["email"] or None for row in users] == [life.user.email for life in lives]
    assert [row["birthday"] or None for row in users] == [life.user.attributes.get("birthday") for life in lives]
    with (tmp_path / "demo" / "devices.csv").open(encoding="utf-8", newline="") as file:
        devices = list(csv.DictReader(file))
    assert [(row["key"], row["token"]) for row in devices] == [
        (device.user, device.token) for life in lives for device in life.devices
    ]
    with gzip.open(tmp_path / "demo" / "events.jsonl.gz", "rt", encoding="utf-8") as file:
        calls = [json.loads(line) for line in file]
    events = [event for life in lives for event in life.events]
    assert made == DemoCounts(len(users), len(calls), len(devices))
    assert [call["messageId"] for call in calls] == [event.key for event in events]
    amounts = [call["properties"].get("amount") for call in calls]
    assert [Decimal(amount) * 100 if amount else None for amount in amounts] == [event.amount for event in events]


def everything(database: Database) -> list[list[tuple[object, ...]]]:
    """Users, events, consents and devices as the store holds them, without what says when and how they came."""
    queries = (
        "SELECT key, email, phone, locale, timezone, country, first_seen_at, attributes FROM users",
        "SELECT e.key, u.key, e.name, e.at, e.amount, e.properties FROM event e JOIN users u ON u.id = e.user_id",
        "SELECT u.key, c.channel, c.granted, c.at FROM consent c JOIN users u ON u.id = c.user_id ORDER BY c.channel",
        "SELECT d.token, u.key, d.platform, d.locale, d.last_seen_at FROM device d JOIN users u ON u.id = d.user_id",
    )
    with database.read() as connection:
        found = [[_comparable(row) for row in connection.execute(text(query))] for query in queries]
    return [sorted(rows, key=lambda row: str(row[0])) for rows in found]


def _comparable(row: Iterable[object]) -> tuple[object, ...]:
    """SQLite holds JSON as text, PostgreSQL gives it parsed."""
    return tuple(json.loads(cell) if isinstance(cell, str) and cell.startswith("{") else cell for cell in row)


def test_importing_the_files_makes_the_same_store(database: Database, tmp_path: Path) -> None:
    export_brand(tmp_path / "demo", SPEC)
    declared = replace(brand.facts().declared(), channels=channel_addresses(CHANNELS))
    options, clock = ImportOptions(), FixedClock(SPEC.end)
    users = import_users(database, Source(tmp_path / "demo" / "users.csv"), declared, options, clock)
    events = import_events(database, Source(tmp_path / "demo" / "events.jsonl.gz"), declared, options, clock)
    devices = import_devices(database, Source(tmp_path / "demo" / "devices.csv"), declared, options, clock)
    assert users.rejected == events.rejected == devices.rejected == 0
    imported = everything(database)
    other = Database(f"sqlite:///{tmp_path / 'written.db'}")
    migrate(other)
    write_brand(other, SPEC)
    assert imported == everything(other)
    other.close()


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        export_brand(tmp_path / "file" / "demo", SPEC)
