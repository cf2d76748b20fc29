"""Crontab's five fields, and the local minutes or UTC instants that they match. The program's only crontab parser.

APScheduler reads cron fields, but numbers weekdays from Monday, and requires day *and* weekday to match where crontab
requires either, if both are restricted. So weekdays are passed by name, and the two become separate triggers.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger

from engine.clock import DAY, HOUR, Instant, instant, to_datetime
from engine.errors import HabitueError

_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_YEARS = range(2024, 2029)
"""A crontab must match at least one day in these years to be accepted; the first and the last are leap years."""


@dataclass(frozen=True)
class Crontab:
    """Minute, hour, day of month, month, day of week (0 and 7 are Sunday)."""

    text: str

    @property
    def key(self) -> str:
        """The crontab with normalised spaces."""
        return f"cron:{' '.join(self.text.split())}"

    def minutes(self, day: date) -> tuple[int, ...]:
        """Return the matching minutes after midnight on ``day``, ascending."""
        return self._times if self._matches(day) else ()

    def _matches(self, day: date) -> bool:
        at = datetime(day.year, day.month, day.day, tzinfo=UTC)
        return any(_fits(trigger, at) for trigger in self._days)

    @cached_property
    def trigger(self) -> BaseTrigger:
        """The APScheduler trigger of all its runs, in UTC."""
        minute, hour, *_ = self._fields
        triggers = [CronTrigger(minute=minute, hour=hour, **days, timezone=UTC) for days in self._day_fields]
        return triggers[0] if len(triggers) == 1 else OrTrigger(triggers)

    @cached_property
    def _fields(self) -> tuple[str, str, str, str, str]:
        minute, hour, day, month, weekday = self.text.split()
        return minute, hour, day, month.lower(), _weekdays(weekday.lower())

    @cached_property
    def _day_fields(self) -> tuple[dict[str, str], ...]:
        _, _, day, month, weekday = self._fields
        if day == "*" or weekday == "*":
            return ({"month": month, "day": day, "day_of_week": weekday},)
        return {"month": month, "day": day}, {"month": month, "day_of_week": weekday}

    @cached_property
    def _days(self) -> tuple[CronTrigger, ...]:
        return tuple(CronTrigger(**days, timezone=UTC) for days in self._day_fields)

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
    """Return crontab's weekday field with all numbers and ranges replaced by names."""
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
            raise ValueError(f"`{part}` is not a range of weekdays")
        named |= dict.fromkeys(number % 7 for number in range(low, high + 1, int(step or 1)))
    return ",".join(_WEEKDAYS[number] for number in named)


def _weekday(text: str) -> int:
    if text in _WEEKDAYS:
        return _WEEKDAYS.index(text)
    if text.isdigit() and int(text) <= 7:
        return int(text)
    raise ValueError(f"`{text}` is not a weekday: write sun to sat, or 0 to 7 (0 and 7 are Sunday)")


def read_cron(text: str) -> Crontab:
    """Parse five crontab fields.

    Raises:
        ValueError: the fields are invalid, or match no day that exists.
    """
    if len(text.split()) != 5:
        raise ValueError(
            f"`{text}` is not crontab: write five fields (minute, hour, day, month, weekday), such as `0 10 * * mon`"
        )
    calendar = Crontab(text)
    try:
        ever = any(calendar.minutes(date(year, 1, 1) + timedelta(days=n)) for year in _YEARS for n in range(366))
    except ValueError as error:
        raise ValueError(f"`{text}` is not crontab: {error}") from error
    if not ever:
        raise ValueError(f"`{text}` matches a day that never comes")
    return calendar


_LOOK_BACK = (HOUR, DAY, 32 * DAY, 366 * DAY, 5 * 366 * DAY)
"""Where the newest run is searched: in the last hour, or else in the last day, and so on."""


class ScheduledJob:
    """A job that the worker runs on a crontab in UTC. Its runs have instants, so that of several workers one runs it."""

    def __init__(self, name: str, crontab: str) -> None:
        """``name`` is the setting's.

        Raises:
            HabitueError: the crontab is invalid, or matches no day that exists.
        """
        self.name = name
        try:
            self.trigger = read_cron(crontab).trigger
        except ValueError as error:
            raise HabitueError(f"schedule.{name}: {error}") from error

    def latest_run(self, now: Instant) -> Instant | None:
        """Return the instant of the newest run that is due at ``now``; None if there was none for years."""
        found = (self._latest(Instant(now - span), now) for span in _LOOK_BACK)
        return next((run for run in found if run is not None), None)

    def _latest(self, since: Instant, now: Instant) -> Instant | None:
        found = None
        following = self.trigger.get_next_fire_time(None, to_datetime(since))
        while following is not None and instant(following) <= now:
            found = instant(following)
            following = self.trigger.get_next_fire_time(following, following + timedelta(seconds=1))
        return found
