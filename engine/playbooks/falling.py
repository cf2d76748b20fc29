"""Which occasions fell into a span of time, per zone: pure reckoning with local days, no database."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from engine.calendar.occurrences import Calendar
from engine.calendar.zones import local_day, local_instant
from engine.clock import DAY
from engine.playbooks.file.form import DateTrigger
from engine.playbooks.file.playbook import OnDate, OnSchedule

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Occasion:
    """One occasion in one zone."""

    zone: str
    """As users have it."""
    day: str
    """What the date fact, or its month and day, has to be; empty for schedules."""
    year: str
    """Year of the anniversary, four digits; empty for schedules."""
    at: int
    """UTC milliseconds."""
    occurrence: str
    """What the enrolment is about: the anniversary's year, the one day, or the slot."""
    slot: str
    """Local day, and minute for schedules: with the zone, what can be taken once."""


def fallen(trigger: OnDate | OnSchedule, zones: Mapping[str, ZoneInfo], since: int, now: int) -> list[Occasion]:
    """Return the occasions with ``since < at <= now``.

    Of a schedule only the latest in each zone: whoever slept through several is not woken by all of them at once.
    """
    found: list[Occasion] = []
    for name, zone in zones.items():
        if isinstance(trigger, OnDate):
            found.extend(_dates(trigger.rule, name, zone, since, now))
        else:
            found.extend(_latest(trigger.calendar, name, zone, since, now))
    return found


def _dates(rule: DateTrigger, name: str, zone: ZoneInfo, since: int, now: int) -> Iterator[Occasion]:
    day, last = local_day(since, zone) - _ONE_DAY, local_day(now, zone)
    while day <= last:
        at = local_instant(day, rule.at.minutes, zone)
        if since < at <= now:
            observed = day - timedelta(days=rule.offset // DAY)
            for key in _keys(rule, observed):
                year = f"{observed.year:04d}"
                occurrence = f"date:{year}" if rule.every == "year" else f"date:{observed.isoformat()}"
                yield Occasion(name, key, year, at, occurrence, day.isoformat())
        day += _ONE_DAY


def _keys(rule: DateTrigger, observed: date) -> list[str]:
    """Return the values of the fact, or of its month and day, that are observed on a day."""
    if rule.every == "once":
        return [observed.isoformat()]
    keys = [observed.isoformat()[5:]]
    leap_year = (date(observed.year, 3, 1) - _ONE_DAY).day == 29
    stands_in = {"feb28": "02-28", "mar1": "03-01"}.get(rule.leap_day)
    if not leap_year and keys[0] == stands_in:
        keys.append("02-29")
    return keys


def _latest(calendar: Calendar, name: str, zone: ZoneInfo, since: int, now: int) -> Iterator[Occasion]:
    day, first = local_day(now, zone), local_day(since, zone) - _ONE_DAY
    while day >= first:
        for minutes in reversed(calendar.minutes(day)):
            at = local_instant(day, minutes, zone)
            if since < at <= now:
                slot = f"{day.isoformat()}T{minutes // 60:02d}:{minutes % 60:02d}"
                yield Occasion(name, "", "", at, f"slot:{slot}", slot)
                return
        day -= _ONE_DAY
