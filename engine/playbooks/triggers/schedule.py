"""``schedule = { cron = "0 10 * * mon" }`` or ``{ holiday = "CN: Spring Festival", offset = "-1d", at = "10:00" }``.

Both use the user's own time zone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from engine.calendar.crontab import read_cron
from engine.calendar.occurrences import Calendar, read_holiday
from engine.calendar.zones import local_day, local_instant
from engine.clock import DAY
from engine.content.document import Section
from engine.content.values import DayOffset, TimeOfDay
from engine.playbooks.file.part import FilePart
from engine.playbooks.triggers.base import (
    LocalTimeTrigger,
    Occasion,
    TriggeredBy,
    TriggerKind,
    TriggerSection,
    recurring,
)
from engine.playbooks.triggers.candidates import Candidates, CandidateSource
from engine.playbooks.triggers.occasions import occasion_candidates
from engine.store.dialects import Dialect

OCCURRENCE = "slot"


class ScheduleRule(Section):
    """The local times at which the trigger fires."""

    cron: str | None = None
    """Five fields as in crontab; names or numbers for days (0 and 7 are Sunday)."""
    holiday: str | None = None
    """Country code, colon, and part of the holiday's English name in the ``holidays`` package."""
    offset: DayOffset = 0
    at: TimeOfDay = Field(default="10:00", validate_default=True)

    @model_validator(mode="after")
    def _one_of(self) -> "ScheduleRule":
        if (self.cron is None) == (self.holiday is None):
            raise ValueError("a schedule has either `cron` or `holiday`")
        return self

    def calendar(self) -> Calendar:
        """Return the calendar of these times.

        Raises:
            ValueError: the text is not a crontab, or there is no such holiday.
        """
        if self.cron is not None:
            return read_cron(self.cron)
        return read_holiday(str(self.holiday), self.offset // DAY, self.at.minutes)


@dataclass(frozen=True, slots=True)
class OnSchedule(LocalTimeTrigger):
    """Fires at local times that are the same for everyone."""

    calendar: Calendar

    @property
    def key(self) -> str:
        """The calendar's key."""
        return self.calendar.key

    def candidates(self, source: CandidateSource, dialect: Dialect) -> Candidates:
        """Return all users in the occasions' zones."""
        return occasion_candidates(source)

    def occasions_between(self, name: str, zone: ZoneInfo, since: int, now: int) -> Iterator[Occasion]:
        """Yield only the latest occasion: after an outage nobody gets all missed ones at once."""
        day, first = local_day(now, zone), local_day(since, zone) - timedelta(days=1)
        while day >= first:
            for minutes in reversed(self.calendar.minutes(day)):
                at = local_instant(day, minutes, zone)
                if since < at <= now:
                    slot = f"{day.isoformat()}T{minutes // 60:02d}:{minutes % 60:02d}"
                    yield Occasion(name, "", "", at, f"{OCCURRENCE}:{slot}", slot)
                    return
            day -= timedelta(days=1)


class ScheduleSection(TriggerSection):
    """``[trigger]`` with ``schedule``."""

    schedule: ScheduleRule

    def compile(self, part: FilePart) -> OnSchedule | None:
        """Return the trigger, or None if the schedule is invalid."""
        recurring(part)
        try:
            return OnSchedule(self.schedule.calendar())
        except ValueError as error:
            part.find(str(error), "schedule", "cron" if self.schedule.cron is not None else "holiday")
            return None


def _words(by: TriggeredBy) -> str:
    return f"the schedule, {by.rest}"


SCHEDULE = TriggerKind("schedule", ScheduleSection, OCCURRENCE, _words)
