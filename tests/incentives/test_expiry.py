"""A day until which a code is good is the same day for everybody, from the file to the message."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from email.message import Message
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from engine.clock import DAY, HOUR, MINUTE, instant, to_datetime
from engine.content.values import zone_names
from engine.incentives.expiry import end_of_day, last_day, read_expiry
from tests.maison import PLAYBOOKS, email
from tests.world import World

BERLIN, UTC_ZONE = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")
ZONES = some.sampled_from(sorted(zone_names())).map(ZoneInfo)
DAYS = some.dates(date(1970, 1, 3), date(2100, 12, 30))


@given(DAYS, ZONES, ZONES)
def test_a_day_reads_as_itself_in_every_zone(day: date, brand: ZoneInfo, reader: ZoneInfo) -> None:
    expires_at = read_expiry(day.isoformat(), brand)
    assert expires_at is not None
    assert last_day(expires_at, brand, reader) == day
    moment = to_datetime(expires_at).astimezone(brand)
    assert moment.date() == day
    assert to_datetime(expires_at + 1).astimezone(brand).date() > day, "it is good to the end of the day"


@given(DAYS, ZONES)
def test_the_end_of_a_day_as_older_versions_stored_it_reads_as_that_day(day: date, reader: ZoneInfo) -> None:
    stored = instant(datetime(day.year, day.month, day.day, 23, 59, 59, 999_000, tzinfo=UTC))
    for brand in (UTC_ZONE, BERLIN, ZoneInfo("America/Los_Angeles")):
        assert last_day(stored, brand, reader) == day


@given(DAYS, ZONES, ZONES)
def test_midnight_and_the_last_second_are_the_day_before(day: date, brand: ZoneInfo, reader: ZoneInfo) -> None:
    end = end_of_day(day, brand)
    assert {last_day(at, brand, reader) for at in (end - 999, end, end + 1)} == {day}


@given(some.integers(366 * DAY, 47_000 * DAY), ZONES)
def test_any_other_instant_is_the_readers_own_last_day(at: int, reader: ZoneInfo) -> None:
    if at % DAY < MINUTE or at % DAY > DAY - MINUTE:
        return
    good = last_day(at, UTC_ZONE, reader)
    assert good == to_datetime(at - 1).astimezone(reader).date()


@pytest.mark.parametrize(
    ("text", "zone", "utc"),
    [
        ("2025-06-30", "Europe/Berlin", "2025-06-30T21:59:59.999"),
        ("2025-06-30", "Pacific/Honolulu", "2025-07-01T09:59:59.999"),
        ("20250630", "UTC", "2025-06-30T23:59:59.999"),
        ("2025-06-30T10:00", "Europe/Berlin", "2025-06-30T08:00:00"),
        ("2025-06-30 10:00:00+09:00", "Europe/Berlin", "2025-06-30T01:00:00"),
        ("2025-03-30", "Europe/Berlin", "2025-03-30T21:59:59.999"),  # a day of 23 hours
        ("2022-09-10", "America/Santiago", "2022-09-11T03:59:59.999"),  # the next day begins at one
    ],
)
def test_a_written_expiry(text: str, zone: str, utc: str) -> None:
    assert read_expiry(text, ZoneInfo(zone)) == instant(datetime.fromisoformat(utc).replace(tzinfo=UTC))


@pytest.mark.parametrize("text", ["soon", "2025-02-30", "30.06.2025", "", "0001-01-01", "1969-12-31T23:00:00Z"])
def test_what_is_no_expiry_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"write (one|a day) such as `2026-12-31`"):
        read_expiry(text, BERLIN)


@pytest.mark.parametrize("text", ["9999-12-31", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59+14:00"])
def test_the_year_9999_means_never(text: str) -> None:
    assert read_expiry(text, ZoneInfo("Pacific/Kiritimati")) is None


def test_a_day_in_9999_that_an_older_version_stored_means_never() -> None:
    stored = instant(datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC))
    assert last_day(stored, ZoneInfo("Asia/Tokyo"), ZoneInfo("Pacific/Kiritimati")) is None


# --- in messages -------------------------------------------------------------------------------------------------

GIFT = """
[playbook]
name = "gift"
class = "service"
reentry = "always"
expires = "2d"

[trigger]
event = "signed_up"

[[step]]
id = "mail"
send = ["email"]
template = "gift/mail"
coupon = "GIFT"
"""
READERS = {
    "berlin": "Europe/Berlin",
    "tokyo": "Asia/Tokyo",
    "la": "America/Los_Angeles",
    "honolulu": "Pacific/Honolulu",
    "kiritimati": "Pacific/Kiritimati",
    "nowhere": "",
}
UNTIL = "{{ user.key }} until {{ coupon.expires_on | date }}"


def gifts(folder: Path, url: str, zone: str) -> World:
    files = {
        **dict.fromkeys(PLAYBOOKS),
        "playbooks/gift.toml": GIFT,
        "playbooks/coupons.toml": '[coupons.GIFT]\nkind = "pool"\n',
        "templates/gift/mail.email.j2": email(UNTIL, "{{ coupon.code }}"),
        "templates/gift/mail.email.de.j2": email(
            "{{ user.key }} bis {{ coupon.expires_on | date }}", "{{ coupon.code }}"
        ),
        "templates/gift/mail.email.zh-CN.j2": email(
            "{{ user.key }} 至 {{ coupon.expires_on | date }}", "{{ coupon.code }}"
        ),
    }
    return World(folder / "brand", url, files, {"brand": {"name": "Maison", "timezone": zone}}).open()


def subjects(mail: list[Message]) -> list[str]:
    return sorted(str(one["Subject"]) for one in mail)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Tokyo"])
def test_a_code_of_a_file_reads_so_everywhere(tmp_path: Path, database_url: str, zone: str) -> None:
    world = gifts(tmp_path, database_url, zone)
    codes = tmp_path / "codes.csv"
    codes.write_text("code,expires_at\n" + "".join(f"C{number},2026-06-30\n" for number in range(4)))
    assert world.command("coupons", "import", "GIFT", str(codes)).exit_code == 0
    more = tmp_path / "more.txt"
    more.write_text("".join(f"D{number}\n" for number in range(4)))
    assert world.command("coupons", "import", "GIFT", str(more), "--expires", "2026-06-30").exit_code == 0
    for key, home in READERS.items():
        world.user(key, timezone=home)
        world.event(key, "signed_up", 1)
    for key, locale in (("german", "de"), ("chinese", "zh-CN")):
        world.user(key, timezone="Asia/Tokyo", locale=locale)
        world.event(key, "signed_up", 1)
    world.tick(1, deliver=True)
    english = [f"{key} until June 30, 2026" for key in READERS]
    assert subjects(world.mail()) == sorted([*english, "german bis 30. Juni 2026", "chinese 至 2026年6月30日"])
    number = json_numbers(world)["tokyo"]
    assert "tokyo until June 30, 2026" in world.command("log", "--message", str(number)).stdout
    world.close()


def json_numbers(world: World) -> dict[str, int]:
    """Return user -> the number of their action in the log."""
    logged = map(json.loads, world.command("log", "--json").stdout.splitlines())
    return {one["user"]: one["number"] for one in logged}


def test_codes_of_an_older_store_read_as_the_day_they_were_given(tmp_path: Path, database_url: str) -> None:
    world = gifts(tmp_path, database_url, "Europe/Berlin")
    end = instant(datetime(2026, 6, 30, 23, 59, 59, 999_000, tzinfo=UTC))
    world.execute("INSERT INTO coupon_code (coupon, code, expires_at) VALUES ('GIFT', 'OLD-1', :at)", at=end)
    world.execute("INSERT INTO coupon_code (coupon, code, expires_at) VALUES ('GIFT', 'OLD-2', :at)", at=end)
    for key in ("berlin", "la"):
        world.user(key, timezone=READERS[key])
        world.event(key, "signed_up", 1)
    world.tick(1, deliver=True)
    assert subjects(world.mail()) == ["berlin until June 30, 2026", "la until June 30, 2026"]
    world.close()


def test_a_code_is_good_to_the_end_of_the_day_at_the_brand(tmp_path: Path, database_url: str) -> None:
    world = gifts(tmp_path, database_url, "Pacific/Honolulu")
    codes = tmp_path / "codes.csv"
    codes.write_text("code,expires_at\nONE,2026-01-10\nTWO,2026-01-10\n")
    world.command("coupons", "import", "GIFT", str(codes))
    world.user("1", timezone="Asia/Tokyo")
    midnight = (instant(datetime(2026, 1, 11, 10, tzinfo=UTC)) - instant(datetime(2026, 1, 1, tzinfo=UTC))) / DAY
    world.event("1", "signed_up", midnight - MINUTE / DAY)
    world.tick(midnight - MINUTE / DAY, deliver=True)
    world.event("1", "signed_up", midnight + HOUR / DAY)
    world.tick(midnight + HOUR / DAY, deliver=True)
    assert subjects(world.mail()) == ["1 until January 10, 2026"]
    assert world.states() == {"accepted:accepted": 1, "held:coupon_pool_empty": 1}
    world.close()


def test_a_code_that_is_good_for_some_days_names_its_last_day_at_the_reader(tmp_path: Path, database_url: str) -> None:
    world = gifts(tmp_path, database_url, "UTC")
    world.write("playbooks/coupons.toml", '[coupons.GIFT]\nkind = "series"\nvalid = "14d"\n')
    for key in ("tokyo", "la"):
        world.user(key, timezone=READERS[key])
        world.event(key, "signed_up", 0.75)
    world.tick(0.75, deliver=True)  # 18:00 UTC on 1 January
    assert subjects(world.mail()) == ["la until January 15, 2026", "tokyo until January 16, 2026"]
    world.close()


def test_birthdays_are_days(world_of_birthdays: World) -> None:
    world = world_of_birthdays
    for key, home in READERS.items():
        world.user(key, timezone=home, birthday="1990-01-03", first_name=key)
    for hours in range(1, 24 * 4):
        world.tick(hours / 24)
    rows = world.rows("SELECT u.key, u.timezone, e.trigger_at FROM enrolment e JOIN users u ON u.id = e.user_id")
    days = {key: to_datetime(at).astimezone(ZoneInfo(zone or "UTC")).date() for key, zone, at in rows}
    assert days == dict.fromkeys(READERS, date(2026, 1, 3))


@pytest.fixture
def world_of_birthdays(tmp_path: Path, database_url: str) -> Iterator[World]:
    world = World(tmp_path / "brand", database_url).open()
    yield world
    world.close()


def test_a_sample_code_has_a_day_too(tmp_path: Path, database_url: str) -> None:
    world = gifts(tmp_path, database_url, "Asia/Tokyo")
    world.write("playbooks/coupons.toml", '[coupons.GIFT]\nkind = "series"\nvalid = "14d"\n')
    shown = world.command("preview", "gift/mail")
    assert shown.exit_code == 0, shown.output
    assert re.search(r"until [A-Z][a-z]+ \d+, \d{4}", shown.output)
    world.close()
