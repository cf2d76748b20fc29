"""Dates and schedules: local days, leap days, DST, one for each occasion whatever happens."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from engine.calendar.crontab import read_cron
from engine.calendar.occurrences import read_holiday
from engine.calendar.zones import local_instant, next_local
from engine.clock import DAY, HOUR, MINUTE, Instant, to_datetime
from engine.playbooks.triggers.date import DateRule, OnDate
from engine.playbooks.triggers.occasions import occasions_between
from engine.playbooks.triggers.schedule import OnSchedule
from tests.playbooks.files import apply, playbook
from tests.world import START, World, day, number

ZONES = [
    "Pacific/Kiritimati",
    "Pacific/Auckland",
    "Australia/Lord_Howe",
    "Asia/Tokyo",
    "Asia/Shanghai",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Dubai",
    "Europe/Moscow",
    "Europe/Berlin",
    "Europe/London",
    "Africa/Cairo",
    "Atlantic/Azores",
    "America/Sao_Paulo",
    "America/St_Johns",
    "America/New_York",
    "America/Denver",
    "America/Los_Angeles",
    "Pacific/Honolulu",
    "Pacific/Pago_Pago",
]


def birthday(**keys: str) -> str:
    rest = "".join(f', {key} = "{value}"' for key, value in keys.items())
    return f'date = {{ fact = "birthday", at = "09:00"{rest} }}'


def at(moment: str) -> Instant:
    """The instant of ISO text."""
    return day(number(moment))


def live(world: World, start: str, end: str, hours: int = 1) -> None:
    """Tick every so many hours."""
    for moment in range(at(start), at(end) + 1, hours * HOUR):
        world.tick((moment - START) / DAY)


def local(moment: int, zone: str) -> str:
    return to_datetime(moment).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


def test_birthdays_fall_on_the_local_day_and_hour_in_twenty_zones(world: World) -> None:
    apply(world, playbook(trigger=birthday(), expires="2d"))
    users = {world.user(zone, timezone=zone, birthday="1990-05-17"): zone for zone in ZONES}
    live(world, "2026-05-16T00:00", "2026-05-19T00:00", hours=2)
    found = world.enrolments("user_id, occurrence, trigger_at")
    assert len(found) == len(users)
    for user, occurrence, trigger_at in found:
        assert (occurrence, local(trigger_at, users[user])) == ("date:2026", "2026-05-17 09:00")


@pytest.mark.parametrize("rest", ['[exit]\nwhen = "spend > 100"', '[exit]\nevent = "review_posted"'])
def test_whom_the_exit_concerns_already_gets_nothing_on_the_day(world: World, rest: str) -> None:
    """The chunks of the tick, in which exits are seen, come before the occasions."""
    apply(world, playbook(trigger=birthday(), rest=rest))
    stays = world.user("b", birthday="1990-05-17")
    world.user("a", birthday="1990-05-17")
    world.order("a", number("2026-05-16"), 20_000)
    world.order("b", number("2026-05-16"), 5_000)
    world.tick(number("2026-05-16"))
    world.event("a", "review_posted", number("2026-05-17T09:30"))
    world.event("b", "review_posted", number("2026-05-17T08:30"))
    world.tick(number("2026-05-17T10:00"))
    assert sorted(state for _, _, state, _ in world.enrolments()) == ["exited", "finished"]
    assert world.actions("user_id") == [(stays,)]


def test_a_user_without_a_zone_lives_in_the_brands(world: World) -> None:
    world.configure(brand={"timezone": "America/New_York"})
    apply(world, playbook(trigger=birthday()))
    for key, zone in (("a", None), ("b", "Mars/Olympus")):
        world.user(key, timezone=zone, birthday="1990-05-17")
    live(world, "2026-05-17T00:00", "2026-05-18T00:00")
    assert [local(row[0], "America/New_York") for row in world.enrolments("trigger_at")] == ["2026-05-17 09:00"] * 2


def test_a_birthday_comes_every_year_and_never_twice(world: World) -> None:
    apply(world, playbook(trigger=birthday(), expires="2d"), at=-300)
    world.user("a", -300, birthday="1990-05-17")
    for year in (2025, 2026, 2027):
        live(world, f"{year}-05-17T00:00", f"{year}-05-18T00:00", hours=6)
        world.user("a", number(f"{year}-05-18"), birthday="1990-05-18")
        live(world, f"{year}-05-18T00:00", f"{year}-05-19T00:00", hours=6)
        world.user("a", number(f"{year}-05-19"), birthday="1990-05-17")
        world.tick(number(f"{year}-05-19"))
    assert [row[0] for row in world.enrolments("occurrence")] == ["date:2025", "date:2026", "date:2027"]


def test_workers_that_remember_nothing_take_each_occasion_once(world: World) -> None:
    apply(world, playbook(trigger=birthday()))
    world.user("a", timezone=None, birthday="1990-05-17")
    now = number("2026-05-17T09:00")
    assert world.tick(now).enrolments == 1
    world.close()
    assert world.tick(now).enrolments == 0
    assert len(world.rows("SELECT * FROM slot WHERE slot LIKE '2026-05-17%'")) == 1


def test_a_missed_occasion_is_made_up_for_until_it_expires(world: World) -> None:
    apply(world, playbook(trigger=birthday(), expires="2d"))
    _, second = (world.user(key, birthday=f"1990-05-{born}") for key, born in (("a", 16), ("b", 17)))
    world.tick(number("2026-05-01T00:00"))
    world.tick(number("2026-05-18T09:00"))
    assert [row[0] for row in world.enrolments()] == [second]


def test_occasions_before_the_activation_do_not_count(world: World) -> None:
    apply(world)
    world.user("a", birthday="1990-05-17")
    apply(world, playbook(trigger=birthday()), at=number("2026-05-17T12:00"))
    world.tick(number("2026-05-17T13:00"))
    assert world.enrolments() == []


@pytest.mark.parametrize("late", ["birthday", "zone", "new"])
def test_who_changes_on_the_day_is_caught_up_with(world: World, late: str) -> None:
    apply(world, playbook(trigger=birthday()))
    users = [world.user("known", timezone="Asia/Tokyo", birthday="1990-05-17")]
    if late != "new":
        born = None if late == "birthday" else "1990-05-17"
        users.append(world.user("a", timezone="Pacific/Honolulu", birthday=born))
    live(world, "2026-05-17T00:00", "2026-05-17T03:00")
    assert [row[0] for row in world.enrolments()] == users[:1]
    changed = world.user("a", number("2026-05-17T03:00"), timezone="Asia/Tokyo", birthday="1990-05-17")
    live(world, "2026-05-17T03:00", "2026-05-17T06:00")
    live(world, "2026-05-17T08:00", "2026-05-18T12:00", hours=4)
    assert [row[0] for row in world.enrolments()] == [users[0], changed]


def test_the_day_of_birth_is_no_birthday(world: World) -> None:
    apply(world, playbook(trigger=birthday()))
    world.user("a", birthday="2026-05-17")
    world.tick(number("2026-05-17T10:00"))
    assert world.enrolments() == []
    world.tick(number("2027-05-17T10:00"))
    assert world.enrolments("occurrence") == [("date:2027",)]


def test_a_date_that_comes_once_is_met_on_the_day_itself(world: World) -> None:
    apply(world, playbook(trigger=birthday(every="once")))
    world.user("a", birthday="2026-05-17")
    for year in (2026, 2027):
        live(world, f"{year}-05-17T00:00", f"{year}-05-18T00:00", hours=3)
    assert world.enrolments("occurrence") == [("date:2026-05-17",)]


def test_an_offset_over_the_new_year_belongs_to_the_birthdays_year(world: World) -> None:
    apply(world, playbook(trigger=birthday(offset="-3d"), expires="1d"), at=-10)
    world.user("a", -10, birthday="1990-01-02")
    live(world, "2025-12-28T00:00", "2026-01-04T00:00", hours=6)
    live(world, "2026-12-28T00:00", "2027-01-04T00:00", hours=6)
    assert [(row[0], local(row[1], "UTC")) for row in world.enrolments("occurrence, trigger_at")] == [
        ("date:2026", "2025-12-30 09:00"),
        ("date:2027", "2026-12-30 09:00"),
    ]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("feb28", ["2027-02-28", "2028-02-29"]),
        ("mar1", ["2027-03-01", "2028-02-29"]),
        ("skip", ["2028-02-29"]),
    ],
)
def test_the_leap_day_follows_the_policy(world: World, policy: str, expected: list[str]) -> None:
    apply(world, playbook(trigger=birthday(leap_day=policy), expires="1d"))
    leap, plain = world.user("a", birthday="1992-02-29"), world.user("b", birthday="1992-02-28")
    for year in (2027, 2028):
        live(world, f"{year}-02-27T00:00", f"{year}-03-02T00:00", hours=6)
    rows = world.enrolments("user_id, trigger_at")
    assert [local(moment, "UTC")[:10] for user, moment in rows if user == leap] == expected
    assert [local(moment, "UTC")[:10] for user, moment in rows if user == plain] == ["2027-02-28", "2028-02-28"]


def test_a_schedule_fires_at_the_local_hour_once_per_user(world: World) -> None:
    apply(world, playbook(trigger='schedule = { cron = "30 10 * * mon" }', expires="1d"))
    users = {world.user(zone, timezone=zone): zone for zone in ZONES}
    live(world, "2026-11-22T00:00", "2026-11-25T00:00")
    found = world.enrolments("user_id, occurrence, trigger_at")
    assert len(found) == len(users)
    for user, occurrence, moment in found:
        assert (occurrence, local(moment, users[user])) == ("slot:2026-11-23T10:30", "2026-11-23 10:30")


def test_of_several_missed_slots_only_the_latest_is_made_up_for(world: World) -> None:
    apply(world, playbook(trigger='schedule = { cron = "0 10 * * *" }', expires="7d"))
    world.user("a")
    world.tick(number("2026-05-17T12:00"))
    assert world.enrolments("occurrence") == [("slot:2026-05-17T10:00",)]


def test_a_changed_schedule_takes_its_own_slots(world: World) -> None:
    apply(world, playbook(trigger='schedule = { cron = "0 10 * * *" }', reentry="always"))
    world.user("a")
    world.tick(number("2026-05-17T12:00"))
    changed = playbook(trigger='schedule = { cron = "0 11 * * *" }', reentry="always")
    apply(world, changed, at=number("2026-05-17T12:01"))
    assert world.enrolments("occurrence") == [("slot:2026-05-17T10:00",), ("slot:2026-05-17T11:00",)]


def test_the_audience_is_asked_at_the_slot(world: World) -> None:
    apply(
        world, playbook(trigger='schedule = { cron = "0 10 * * *" }', rest="[audience]\nwhen = \"language LIKE 'zh%'\"")
    )
    reader = world.user("a", language="zh-CN")
    world.user("b", language="en")
    world.tick(number("2026-05-17T12:00"))
    assert [row[0] for row in world.enrolments()] == [reader]


def holiday(world: World) -> World:
    """One user in Shanghai, who is written to on the day before the Spring Festival."""
    trigger = 'schedule = { holiday = "CN: Spring Festival", offset = "-1d", at = "10:00" }'
    apply(world, playbook(trigger=trigger, expires="1d"))
    world.user("a", timezone="Asia/Shanghai")
    return world


FESTIVALS = [("slot:2026-02-16T10:00",), ("slot:2027-02-05T10:00",)]


def test_a_holiday_moves_with_the_moon(sqlite_world: World) -> None:
    world = holiday(sqlite_world)
    live(world, "2026-02-02T00:00", "2026-02-24T00:00", hours=24)
    live(world, "2027-01-20T00:00", "2027-02-12T00:00", hours=24)
    assert world.enrolments("occurrence") == FESTIVALS


@pytest.mark.bulk
def test_a_holiday_comes_once_in_a_year_of_the_moon(sqlite_world: World) -> None:
    world = holiday(sqlite_world)
    live(world, "2026-01-01T00:00", "2027-03-01T00:00", hours=24)
    assert world.enrolments("occurrence") == FESTIVALS


@pytest.mark.parametrize("days", [90, pytest.param(365, marks=pytest.mark.bulk)])
def test_days_of_daily_ticks_give_each_user_one_birthday(sqlite_world: World, days: int) -> None:
    world = apply(sqlite_world, playbook(trigger=birthday(), expires="2d"), at=-2)
    births = range(0, days, 9)
    for born in births:
        birth = date(1991, 1, 1) + timedelta(days=born)
        world.user(str(born), -2, timezone=ZONES[born % 20], birthday=birth.isoformat())
    end = date(2026, 1, 1) + timedelta(days=days + 2)
    live(world, "2026-01-01T12:00", f"{end}T12:00", hours=24)
    by_user = world.rows("SELECT user_id, count(*) FROM enrolment WHERE occurrence = 'date:2026' GROUP BY user_id")
    assert [count for _, count in by_user] == [1] * len(births)


# Reckoning without a database.


def test_a_local_time_that_does_not_exist_is_the_first_instant_after() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert local_instant(date(2026, 3, 29), 150, berlin) == at("2026-03-29T03:00+02:00")
    assert local_instant(date(2026, 10, 4), 135, ZoneInfo("Australia/Lord_Howe")) == at("2026-10-04T02:30+11:00")
    assert local_instant(date(2011, 12, 30), 540, ZoneInfo("Pacific/Apia")) == at("2011-12-31T00:00+14:00")


def test_a_local_time_that_exists_twice_is_the_first() -> None:
    assert local_instant(date(2026, 10, 25), 150, ZoneInfo("Europe/Berlin")) == at("2026-10-25T02:30+02:00")


@pytest.mark.parametrize("zone", ZONES)
def test_local_instants_ascend_over_a_year_and_show_the_time(zone: str) -> None:
    place, last = ZoneInfo(zone), 0
    for offset in range(366):
        moment = local_instant(date(2026, 1, 1) + timedelta(days=offset), 540, place)
        assert moment > last
        assert to_datetime(moment).astimezone(place).strftime("%H:%M") == "09:00"
        last = moment


def test_the_next_local_time_is_strictly_later() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    nine = local_instant(date(2026, 3, 28), 540, berlin)
    assert next_local(540, nine - 1, berlin) == nine
    assert next_local(540, nine, berlin) == nine + 23 * HOUR


def test_a_slot_in_the_hour_that_comes_twice_falls_once() -> None:
    trigger = OnSchedule(read_cron("30 2 * * *"))
    zones = {"Europe/Berlin": ZoneInfo("Europe/Berlin")}
    seen: list[str] = []
    start = at("2026-10-24T12:00")
    for now in range(start, start + 2 * DAY, 10 * MINUTE):
        seen += [one.slot for one in occasions_between(trigger, zones, now - 10 * MINUTE, now)]
    assert seen == ["2026-10-25T02:30", "2026-10-26T02:30"]


def test_a_slot_in_the_hour_that_does_not_exist_falls_once() -> None:
    trigger = OnSchedule(read_cron("30 2 * * *"))
    zones = {"Europe/Berlin": ZoneInfo("Europe/Berlin")}
    found = occasions_between(trigger, zones, at("2026-03-29T00:00"), at("2026-03-29T12:00"))
    assert [(one.slot, one.at) for one in found] == [("2026-03-29T02:30", at("2026-03-29T03:00+02:00"))]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Pacific/Apia", "America/Sao_Paulo"])
def test_spans_that_meet_hold_every_date_once(zone: str) -> None:
    trigger = OnDate(DateRule.model_validate({"fact": "birthday", "at": "00:30"}))
    zones = {zone: ZoneInfo(zone)}
    start = at("2026-01-01T00:00")
    days = [
        one.slot
        for offset in range(2 * 365)
        for one in occasions_between(trigger, zones, start + offset * DAY // 2, start + (offset + 1) * DAY // 2)
    ]
    assert len(set(days)) == 365
    assert len(days) == 365 + (date(2026, 3, 1) - date(2026, 2, 28)).days  # 29 February stands in for itself


@pytest.mark.parametrize(
    ("cron", "days"),
    [
        ("0 10 * * 0", [1, 8, 15, 22, 29]),
        ("0 10 * * 7", [1, 8, 15, 22, 29]),
        ("0 10 * * sun", [1, 8, 15, 22, 29]),
        ("0 10 * * mon", [2, 9, 16, 23, 30]),
        ("0 10 * * 1", [2, 9, 16, 23, 30]),
        ("0 10 * * 6-7", [1, 7, 8, 14, 15, 21, 22, 28, 29]),
        ("0 10 * * fri-sun", [1, 6, 7, 8, 13, 14, 15, 20, 21, 22, 27, 28, 29]),
        ("0 10 13 * *", [13]),
        ("0 10 5 * fri", [5, 6, 13, 20, 27]),
        ("0 10 1-5/2 11 *", [1, 3, 5]),
    ],
)
def test_cron_means_what_crontab_means(cron: str, days: list[int]) -> None:
    calendar = read_cron(cron)
    assert [n for n in range(1, 31) if calendar.minutes(date(2026, 11, n))] == days
    assert calendar.minutes(date(2026, 11, days[0])) == (600,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0 10 * *", "five fields"),
        ("0 10 31 2 *", "never comes"),
        ("0 25 * * *", "not crontab"),
        ("0 10 * * 8", "not a weekday"),
        ("0 10 * * fri-tue", "not a range"),
        ("0 10 * * */0", "not a range"),
    ],
)
def test_cron_mistakes_are_said(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_cron(text)


def test_days_in_a_row_are_one_holiday() -> None:
    festival = read_holiday("CN: Spring Festival", 0, 600)
    assert festival.days(2026) == {date(2026, 2, 17)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Christmas", "country and name"),
        ("XX: Christmas", "no public holidays are known"),
        ("GB: Chrismas", "Christmas Day"),
    ],
)
def test_holiday_mistakes_are_said(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_holiday(text, 0, 0)


def test_an_instant_is_no_occasion_before_it_is_over() -> None:
    trigger = OnSchedule(read_cron("0 10 * * *"))
    ten = at("2026-05-17T10:00")
    zones = {"": ZoneInfo("UTC")}
    assert occasions_between(trigger, zones, ten - HOUR, Instant(ten - 1)) == []
    assert len(occasions_between(trigger, zones, ten - HOUR, ten)) == 1
    assert occasions_between(trigger, zones, ten, ten + HOUR) == []
    assert day(0) == at("2026-01-01")
