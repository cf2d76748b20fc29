"""Recurring local times: the days and minutes of a schedule, in any zone, and public holidays."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from typing import Protocol

from engine.content.findings import did_you_mean

_YEARS = range(2024, 2036)
"""Years in which the names of holidays are looked up."""
_ESTIMATED = " (estimated)"


class Calendar(Protocol):
    """A recurring local time."""

    @property
    def key(self) -> str:
        """The schedule as text. Schedules with the same key have the same occasions."""
        ...

    def minutes(self, day: date) -> tuple[int, ...]:
        """Return the matching minutes after midnight on ``day``, ascending."""
        ...


@dataclass(frozen=True)
class HolidayCalendar:
    """The first day of a public holiday, with an offset in days, at one local time."""

    country: str
    name: str
    """As written in the file. It is part of the key, which identifies occasions."""
    holiday: str
    """The holiday's name in the ``holidays`` package."""
    offset_days: int
    at: int
    """Minutes after midnight."""
    _found: dict[int, frozenset[date]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def key(self) -> str:
        """Country, name, offset and time."""
        return f"holiday:{self.country}:{self.name}:{self.offset_days}:{self.at}"

    def minutes(self, day: date) -> tuple[int, ...]:
        """Return the time of day if ``day`` is the holiday plus the offset."""
        holiday = day - timedelta(days=self.offset_days)
        if holiday.year not in self._found:
            self._found[holiday.year] = self.days(holiday.year)
        return (self.at,) if holiday in self._found[holiday.year] else ()

    def days(self, year: int) -> frozenset[date]:
        """Return the first days of the holiday in a year. Consecutive days with the same name are one holiday."""
        named = {
            day
            for near in (year - 1, year)
            for day, names in _holidays(self.country, near).items()
            if self.holiday in names
        }
        return frozenset(day for day in named if day.year == year and day - timedelta(days=1) not in named)


@lru_cache(maxsize=256)
def _holidays(country: str, year: int) -> dict[date, tuple[str, ...]]:
    """Return the public holidays of one year, without substitute days for holidays that fall on a weekend."""
    import holidays

    try:
        found = holidays.country_holidays(country, years=year, observed=False, language="en_US")
    except NotImplementedError as error:
        known = [code for code in holidays.list_supported_countries() if len(code) == 2]
        raise ValueError(f"no public holidays are known for `{country}`{did_you_mean(country, known)}") from error
    return {day: tuple(name.removesuffix(_ESTIMATED) for name in found.get_list(day)) for day in found}


def read_holiday(text: str, offset_days: int, at: int) -> HolidayCalendar:
    """Return the calendar of a holiday such as ``CN: Spring Festival``.

    The holiday may be given by its full name, its name without or inside the brackets, or any part of the name that
    no other holiday of the country contains. Case does not matter.

    Raises:
        ValueError: the country or the holiday is unknown, or several holidays match.
    """
    country, colon, name = (part.strip() for part in text.partition(":"))
    if not colon or not name:
        raise ValueError(f"`{text}` is not a holiday: write country and name, such as `CN: Spring Festival`")
    known = {one for year in _YEARS for names in _holidays(country, year).values() for one in names}
    holidays = sorted(one for one in known if not one.startswith("Day off"))
    wanted = name.casefold()
    fitting = [one for one in holidays if wanted in _whole_names(one)]
    fitting = fitting or [one for one in holidays if wanted in one.casefold()]
    if not fitting:
        raise ValueError(f"{country} has no holiday `{name}`{did_you_mean(name, holidays)}")
    if len(fitting) > 1:
        several = ", ".join(f"`{one}`" for one in fitting)
        raise ValueError(f"{len(fitting)} holidays of {country} match `{name}`: write one of {several}")
    return HolidayCalendar(country, name, fitting[0], offset_days, at)


def _whole_names(holiday: str) -> set[str]:
    """Return the full name and the names outside and inside the brackets, in lower case."""
    outer, bracket, inner = holiday.casefold().partition(" (")
    return {holiday.casefold(), outer, inner.removesuffix(")")} if bracket else {holiday.casefold()}
