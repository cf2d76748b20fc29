"""Permitted hours across zones and clock changes."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.calendar.window import SendingHours, next_permitted
from engine.calendar.zones import local_minute
from engine.clock import DAY, MINUTE, Instant, instant, to_datetime
from engine.content.values import LocalTime, Window, parse_window

ZONES = [
    "UTC",
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Shanghai",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Australia/Adelaide",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Pacific/Apia",
    "America/St_Johns",
    "Africa/Cairo",
    "Asia/Tehran",
    "America/Santiago",
    "Pacific/Honolulu",
    "Africa/Casablanca",
    "Asia/Beirut",
]


def local(zone: str, text: str) -> Instant:
    return instant(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))


@pytest.mark.parametrize(
    ("now", "window", "expected"),
    [
        ("2026-03-29T00:30", "02:30-05:00", "2026-03-29T03:00"),  # the clocks go from 02:00 to 03:00
        ("2026-03-28T12:00", "02:30-05:00", "2026-03-29T03:00"),
        ("2026-10-25T01:30", "02:30-05:00", "2026-10-25T02:30"),  # 02:30 comes twice: the first
        ("2026-10-24T21:00", "09:00-20:00", "2026-10-25T09:00"),
        ("2026-03-28T21:00", "09:00-20:00", "2026-03-29T09:00"),
        ("2026-06-01T23:30", "22:00-02:00", "2026-06-01T23:30"),
        ("2026-06-01T02:00", "22:00-02:00", "2026-06-01T22:00"),
    ],
)
def test_windows_in_berlin(now: str, window: str, expected: str) -> None:
    zone = "Europe/Berlin"
    hours = SendingHours(window=parse_window(window))
    assert next_permitted(local(zone, now), ZoneInfo(zone), hours) == local(zone, expected)


def test_a_skipped_end_of_quiet_hours_is_the_end_of_the_gap() -> None:
    zone = ZoneInfo("Europe/Berlin")
    hours = SendingHours(quiet=parse_window("21:00-02:30"))
    assert next_permitted(local("Europe/Berlin", "2026-03-29T01:00"), zone, hours) == local(
        "Europe/Berlin", "2026-03-29T03:00"
    )


windows = st.builds(
    lambda start, length: Window(LocalTime(start), LocalTime((start + length) % 1440)),
    st.integers(0, 1439),
    st.integers(1, 1439),
)


@given(
    st.sampled_from(ZONES),
    st.integers(local("UTC", "2024-01-01") // MINUTE, local("UTC", "2028-01-01") // MINUTE),
    st.none() | windows,
    st.none() | windows,
)
def test_the_next_permitted_instant_is_the_first(
    zone_name: str, minute: int, window: Window | None, quiet: Window | None
) -> None:
    zone, hours = ZoneInfo(zone_name), SendingHours(window, quiet)
    now = minute * MINUTE
    found = next_permitted(now, zone, hours)
    minutes = range(now, now + 2 * DAY, MINUTE)
    first = next((at for at in minutes if hours.permits(local_minute(at, zone))), None)
    assert found == first, (to_datetime(now).astimezone(zone), timedelta(milliseconds=(found or 0) - now))
