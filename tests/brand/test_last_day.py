"""What a reminder says is true: the code ends in the evening of the day on which it comes, wherever the customer lives."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from engine.app import App
from engine.channels import CHANNELS
from engine.channels.base import channel_addresses
from engine.clock import DAY, FixedClock, Instant, instant
from engine.intake.rows.model import EventRow, UserRow
from engine.intake.write.events import write_events
from engine.intake.write.users import write_users
from engine.settings import load_settings
from tests.brand import brand

HERE = ZoneInfo("Australia/Adelaide")
JOINED = instant(datetime(2026, 3, 2, 3, 17, tzinfo=UTC))
PHONE = "+12025550117"


@pytest.fixture
def app(tmp_path: Path, sqlite_url: str) -> Iterator[App]:
    shipped = (brand.ROOT / "config.toml").read_text(encoding="utf-8")
    file = tmp_path / "config.toml"
    content = "".join(f'\n{name} = "{brand.ROOT}/{name}"' for name in ("rules", "playbooks", "templates"))
    shipped = shipped.replace("sqlite:///var/habitue.db", sqlite_url).replace("var/mail", str(tmp_path / "mail"))
    file.write_text(f"{shipped}\n[content]{content}\n", encoding="utf-8")
    opened = App(load_settings(file), FixedClock(Instant(JOINED - DAY)))
    yield opened
    opened.close()


def local(day: int, hour: int) -> Instant:
    """An hour of the customer's day; day 0 is the one on which they joined."""
    return instant(datetime(2026, 3, 2 + day, hour, tzinfo=HERE))


def texts(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(file.read_text("utf-8")) for file in sorted(folder.rglob("*.sms.json"))]


def join(app: App) -> None:
    user = UserRow(
        "c1",
        phone=PHONE,
        timezone=str(HERE),
        created_at=JOINED,
        consents={"sms": True},
        consent_at=JOINED,
        source="app",
    )
    with app.database.write() as connection:
        dialect = app.database.dialect
        write_users(connection, dialect, [user], JOINED, channel_addresses(CHANNELS))
        write_events(connection, dialect, [EventRow("e1", "c1", "registered", JOINED, None, None)], JOINED)


def tick(app: App, at: Instant) -> None:
    content = app.content()
    assert isinstance(app.clock, FixedClock)
    app.clock.move_to(at)
    app.tick(content, at)
    app.deliver(content)


def test_the_reminder_of_the_first_order_comes_on_the_last_day(app: App, tmp_path: Path) -> None:
    app.migrate(app.content())
    tick(app, Instant(JOINED - DAY))  # whatever happened before the playbook was first applied does not count
    join(app)
    for at in (JOINED, Instant(JOINED + 4 * DAY), local(4, 21), local(5, 10), local(25, 9)):
        tick(app, at)
    assert texts(tmp_path) == []
    tick(app, local(25, 10))
    (reminder,) = texts(tmp_path)
    assert (reminder["recipient"], reminder["template"]) == (PHONE, "first_order/reminder")
    with app.database.read() as connection:
        code = connection.execute(text("SELECT code, expires_at FROM coupon_code WHERE coupon = 'WELCOME10'")).one()
    assert f"{code.code} (10% off) ends this evening" in reminder["payload"]["text"]
    assert code.expires_at == local(25, 21)
