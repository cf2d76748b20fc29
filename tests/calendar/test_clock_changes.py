"""Local times as instants in every zone, across the gaps and folds that clock changes make."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.calendar.window import SendingHours, next_permitted
from engine.calendar.zones import local_day, local_instant, local_minute, next_local, zone_or
from engine.clock import DAY, MINUTE, SECOND, Instant, instant, to_datetime
from engine.content.values import parse_window, zone_names

NAMES = sorted(zone_names())
ZONES = st.sampled_from(NAMES).map(ZoneInfo)
DAYS = st.dates(date(1990, 1, 1), date(2035, 12, 31))
MINUTES = st.integers(0, 24 * 60 - 1)
INSTANTS = st.integers(
    int(datetime(1990, 1, 1, tzinfo=UTC).timestamp()), int(datetime(2035, 1, 1, tzinfo=UTC).timestamp())
).map(lambda seconds: seconds * SECOND)

BERLIN, LORD_HOWE, APIA = ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Pacific/Apia")
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)


def wall(at: int, zone: ZoneInfo) -> datetime:
    """What clocks in ``zone`` show at an instant."""
    return to_datetime(at).astimezone(zone).replace(tzinfo=None)


def wanted(day: date, minutes: int) -> datetime:
    return datetime(day.year, day.month, day.day, minutes // 60, minutes % 60)  # noqa: DTZ001 - what a clock shows


@given(DAYS, MINUTES, ZONES)
@example(SPRING, 150, BERLIN)
@example(AUTUMN, 150, BERLIN)
@example(date(2026, 10, 4), 135, LORD_HOWE)
@example(date(2011, 12, 30), 540, APIA)
@example(date(1919, 3, 31), 15, ZoneInfo("America/Toronto"))
@example(date(2026, 9, 6), 0, ZoneInfo("America/Santiago"))
def test_the_instant_is_the_first_at_which_clocks_show_that_time_or_a_later_one(
    day: date, minutes: int, zone: ZoneInfo
) -> None:
    at = local_instant(day, minutes, zone)
    shown = wall(at, zone)
    if shown == wanted(day, minutes):
        assert all(wall(at - back * 30 * MINUTE, zone) != shown for back in range(1, 7)), "the first of two"
        return
    # A gap: clocks pass from before the wanted time to after it, in this very second.
    assert wall(at - 1, zone) < wanted(day, minutes) < shown
    assert to_datetime(at).astimezone(zone).utcoffset() != to_datetime(at - 1).astimezone(zone).utcoffset()


@given(INSTANTS, ZONES)
def test_an_instant_comes_back_from_its_local_time_but_in_the_second_of_two_equal_hours(
    at: int, zone: ZoneInfo
) -> None:
    minute = at - at % MINUTE
    if wall(minute, zone).second:
        return  # an offset of odd seconds, as before the time of railways
    found = local_instant(local_day(minute, zone), local_minute(minute, zone), zone)
    folded = to_datetime(minute).astimezone(zone).fold
    assert found < minute if folded else found == minute


@given(DAYS, st.lists(MINUTES, min_size=2, max_size=2, unique=True).map(sorted), ZONES)
def test_later_times_of_a_day_are_never_earlier_instants(day: date, times: list[int], zone: ZoneInfo) -> None:
    first, second = (local_instant(day, minutes, zone) for minutes in times)
    if to_datetime(first).astimezone(zone).utcoffset() == to_datetime(second).astimezone(zone).utcoffset():
        assert first < second or wall(first, zone) != wanted(day, times[0])
    assert local_instant(day + timedelta(days=2), times[0], zone) > max(first, second)


@given(MINUTES, INSTANTS, ZONES)
@example(150, instant(datetime(2026, 3, 29, tzinfo=UTC)), BERLIN)
@example(150, instant(datetime(2026, 10, 25, 0, 30, tzinfo=UTC)), BERLIN)
def test_the_next_local_time_is_later_and_none_lies_between(minutes: int, after: int, zone: ZoneInfo) -> None:
    found = next_local(minutes, after, zone)
    assert after < found <= after + 3 * DAY
    days = (local_day(after, zone) + timedelta(days=number) for number in range(-1, 4))
    assert found == min(at for at in (local_instant(day, minutes, zone) for day in days) if at > after)


WINDOWS = (
    st.lists(MINUTES, min_size=2, max_size=2, unique=True)
    .map(lambda ends: "-".join(f"{end // 60:02d}:{end % 60:02d}" for end in ends))
    .map(parse_window)
)


@given(INSTANTS, ZONES, WINDOWS)
def test_a_message_waits_until_clocks_show_the_window(now: int, zone: ZoneInfo, window: object) -> None:
    hours = SendingHours(parse_window(window))
    at = next_permitted(now, zone, hours)
    if at is None:
        # Only a window that a gap swallows whole, on every day that is looked at, is never open.
        assert not hours.permits(local_minute(now, zone))
        return
    assert hours.permits(local_minute(at, zone))
    assert at >= now
    if at > now:
        assert not hours.permits(local_minute(at - 1, zone))


@pytest.mark.parametrize(
    ("name", "zone"), [("Europe/Berlin", BERLIN), ("", APIA), (None, APIA), ("Mars/Crater", APIA), ("../x", APIA)]
)
def test_a_zone_that_is_none_is_the_brands(name: str | None, zone: ZoneInfo) -> None:
    assert zone_or(name, APIA) == zone


def test_no_zone_is_that_of_the_machine() -> None:
    assert not zone_names() & {"localtime", "Factory", "posixrules"}
    assert {"UTC", "Europe/Berlin"} <= zone_names()


def test_the_end_of_a_gap_is_exact_to_the_second() -> None:
    toronto = ZoneInfo("America/Toronto")  # clocks went from 23:30 to 00:30
    at = local_instant(date(1919, 3, 31), 15, toronto)
    assert (wall(at - 1, toronto).time().isoformat("minutes"), wall(at, toronto).time().isoformat()) == (
        "23:29",
        "00:30:00",
    )
    assert isinstance(at, int)
    assert Instant(at) % SECOND == 0
