"""Recurring local days: crontab's five fields, and public holidays. Which local minutes a schedule names, in any zone.

APScheduler reads cron fields, but numbers weekdays from Monday and asks for day *and* weekday where crontab, with both
restricted, asks for day *or* weekday. So weekdays are handed over by name, and the two are asked apart.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Protocol

from apscheduler.triggers.cron import CronTrigger

from engine.content.findings import did_you_mean

_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_YEARS = range(2024, 2036)
"""Years in which a schedule must occur at least once to be accepted."""


class Calendar(Protocol):
    """Names local minutes of local days."""

    @property
    def key(self) -> str:
        """The schedule as text: the same text, the same occasions."""
        ...

    def minutes(self, day: date) -> tuple[int, ...]:
        """Return the minutes after midnight that are named on ``day``, ascending."""
        ...


@dataclass(frozen=True)
class CronCalendar:
    """Crontab's minute, hour, day of month, month, day of week (0 and 7 are Sunday)."""

    text: str

    @property
    def key(self) -> str:
        """The fields."""
        return f"cron:{' '.join(self.text.split())}"

    def minutes(self, day: date) -> tuple[int, ...]:
        """Return the minutes after midnight that are named on ``day``, ascending."""
        return self._times if self._names(day) else ()

    def _names(self, day: date) -> bool:
        at = datetime(day.year, day.month, day.day, tzinfo=UTC)
        return any(_fits(trigger, at) for trigger in self._days)

    @cached_property
    def _fields(self) -> tuple[str, str, str, str, str]:
        minute, hour, day, month, weekday = self.text.split()
        return minute, hour, day, month.lower(), _weekdays(weekday.lower())

    @cached_property
    def _days(self) -> tuple[CronTrigger, ...]:
        _, _, day, month, weekday = self._fields
        if day == "*" or weekday == "*":
            return (CronTrigger(month=month, day=day, day_of_week=weekday, timezone=UTC),)
        return (
            CronTrigger(month=month, day=day, timezone=UTC),
            CronTrigger(month=month, day_of_week=weekday, timezone=UTC),
        )

    @cached_property
    def _times(self) -> tuple[int, ...]:
        minute, hour, *_ = self._fields
        fields = {f.name: f for f in CronTrigger(hour=hour, minute=minute, timezone=UTC).fields}
        start = datetime(2024, 1, 1, tzinfo=UTC)
        return tuple(
            (moment.hour * 60 + moment.minute)
            for moment in (start + timedelta(minutes=count) for count in range(24 * 60))
            if all(fields[name].get_next_value(moment) == fields[name].get_value(moment) for name in ("hour", "minute"))
        )


def _fits(trigger: CronTrigger, day: datetime) -> bool:
    return all(
        f.get_next_value(day) == f.get_value(day) for f in trigger.fields if f.name in ("month", "day", "day_of_week")
    )


def _weekdays(text: str) -> str:
    """Return crontab's weekday field with every number and range spelt out in names."""
    if text == "*":
        return text
    named: dict[int, None] = {}
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if span == "*":
            low, high = 0, 6
        else:
            low = _weekday(first)
            high = _weekday(last) if last else (6 if step else low)
        if high < low and high == 0:
            high = 7  # "fri-sun"
        if high < low or (step and not step.isdigit()) or step == "0":
            raise ValueError(f"`{part}` is no span of weekdays")
        named |= dict.fromkeys(number % 7 for number in range(low, high + 1, int(step or 1)))
    return ",".join(_WEEKDAYS[number] for number in named)


def _weekday(text: str) -> int:
    if text in _WEEKDAYS:
        return _WEEKDAYS.index(text)
    if text.isdigit() and int(text) <= 7:
        return int(text)
    raise ValueError(f"`{text}` is no weekday: write sun to sat, or 0 to 7 (0 and 7 are Sunday)")


def read_cron(text: str) -> CronCalendar:
    """Return the calendar of five crontab fields.

    Raises:
        ValueError: the fields make no sense, or name a day that never comes.
    """
    if len(text.split()) != 5:
        raise ValueError(
            f"`{text}` is not crontab: write five fields (minute, hour, day, month, weekday), such as `0 10 * * mon`"
        )
    calendar = CronCalendar(text)
    try:
        comes = any(calendar.minutes(date(year, 1, 1) + timedelta(days=n)) for year in _YEARS[:5] for n in range(366))
    except ValueError as error:
        raise ValueError(f"`{text}` is not crontab: {error}") from error
    if not comes:
        raise ValueError(f"`{text}` names a day that never comes")
    return calendar


@dataclass(frozen=True)
class HolidayCalendar:
    """The first day of a public holiday, with an offset in days, at one local time."""

    country: str
    name: str
    """A part of the holiday's English name, without regard to case."""
    offset_days: int
    at: int
    """Minutes after midnight."""
    _found: dict[int, frozenset[date]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def key(self) -> str:
        """Country, name, offset and time."""
        return f"holiday:{self.country}:{self.name}:{self.offset_days}:{self.at}"

    def minutes(self, day: date) -> tuple[int, ...]:
        """Return the one time where ``day`` is the holiday's day after the offset."""
        holiday = day - timedelta(days=self.offset_days)
        if holiday.year not in self._found:
            self._found[holiday.year] = self.days(holiday.year)
        return (self.at,) if holiday in self._found[holiday.year] else ()

    def days(self, year: int) -> frozenset[date]:
        """Return the first days of the holiday in a year: several days in a row under one name are one holiday."""
        named = {
            day
            for near in (year - 1, year)
            for day, names in _holidays(self.country, near).items()
            if any(self.name.casefold() in name.casefold() for name in names)
        }
        return frozenset(day for day in named if day.year == year and day - timedelta(days=1) not in named)


@lru_cache(maxsize=256)
def _holidays(country: str, year: int) -> dict[date, tuple[str, ...]]:
    """Return the public holidays of one year, without the days off that stand in for one at a weekend."""
    import holidays

    try:
        found = holidays.country_holidays(country, years=year, observed=False, language="en_US")
    except NotImplementedError as error:
        known = [code for code in holidays.list_supported_countries() if len(code) == 2]
        raise ValueError(f"`{country}` is no country with known holidays{did_you_mean(country, known)}") from error
    return {day: tuple(found.get_list(day)) for day in found}


def read_holiday(text: str, offset_days: int, at: int) -> HolidayCalendar:
    """Return the calendar of ``CN: Spring Festival``.

    Raises:
        ValueError: the country or the holiday is not known.
    """
    country, colon, name = (part.strip() for part in text.partition(":"))
    if not colon or not name:
        raise ValueError(f"`{text}` is not a holiday: write country and name, such as `CN: Spring Festival`")
    calendar = HolidayCalendar(country, name, offset_days, at)
    if not any(calendar.days(year) for year in _YEARS):
        known = {one for year in _YEARS for names in _holidays(country, year).values() for one in names}
        names = [one for one in known if not one.startswith("Day off")]
        raise ValueError(f"{country} has no holiday `{name}`{did_you_mean(name, names)}")
    return calendar
