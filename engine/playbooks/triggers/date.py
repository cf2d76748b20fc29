"""``date = { fact = "birthday", offset = "-3d", at = "09:00" }``: a calendar day in the user's own zone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from engine.calendar.zones import local_day, local_instant
from engine.clock import DAY
from engine.content.document import Section
from engine.content.value_types import ValueType
from engine.content.values import DayOffset, Name, TimeOfDay
from engine.facts.dates import users_by_date
from engine.playbooks.file.part import FilePart
from engine.playbooks.triggers.base import (
    LOCAL_DAY,
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

OCCURRENCE = LOCAL_DAY
_ONE_DAY = timedelta(days=1)


class DateRule(Section):
    """Which day, and at what local time."""

    fact: Name
    offset: DayOffset = 0
    at: TimeOfDay = Field(default="09:00", validate_default=True)
    every: Literal["year", "once"] = "year"
    leap_day: Literal["feb28", "mar1", "skip"] = "feb28"
    """When 29 February is observed in non-leap years."""


@dataclass(frozen=True, slots=True)
class OnDate(LocalTimeTrigger):
    """Fires on a date of the user, every year or once."""

    rule: DateRule

    @property
    def key(self) -> str:
        """The rule as text."""
        rule = self.rule
        return f"date:{rule.fact}:{rule.offset}:{rule.at}:{rule.every}:{rule.leap_day}"

    def users(self, occasions: Sequence[Occasion]) -> str:
        """Return the users whose fact is on these days, in these years if the date comes once."""
        dates = [one.day for one in occasions]
        if self.rule.every == "year":
            return users_by_date(self.rule.fact, dates)
        return users_by_date(self.rule.fact, (day[5:] for day in dates), (day[:4] for day in dates))

    def candidates(self, source: CandidateSource, dialect: Dialect) -> Candidates:
        """Return the users whose date an occasion matches."""
        fact = f"s.fact_{self.rule.fact}"
        if self.rule.every == "once":
            return occasion_candidates(source, f"{fact} = o.day")
        # The date itself is not an anniversary.
        return occasion_candidates(source, f"substr({fact}, 6, 5) = o.day", f"substr({fact}, 1, 4) < o.year")

    def occasions_between(self, name: str, zone: ZoneInfo, since: int, now: int) -> Iterator[Occasion]:
        """Yield an occasion for every local day in the interval."""
        day, last = local_day(since, zone) - _ONE_DAY, local_day(now, zone)
        while day <= last:
            at = local_instant(day, self.rule.at.minutes, zone)
            if since < at <= now:
                observed = day - timedelta(days=self.rule.offset // DAY)
                year = f"{observed.year:04d}"
                about = year if self.rule.every == "year" else observed.isoformat()
                for value in self._values(observed):
                    yield Occasion(name, value, year, at, f"{OCCURRENCE}:{about}", day.isoformat())
            day += _ONE_DAY

    def _values(self, observed: date) -> list[str]:
        """Return the values of the fact, or of its month and day, that are observed on the day ``observed``."""
        if self.rule.every == "once":
            return [observed.isoformat()]
        values = [observed.isoformat()[5:]]
        leap_year = (date(observed.year, 3, 1) - _ONE_DAY).day == 29
        stand_in = {"feb28": "02-28", "mar1": "03-01"}.get(self.rule.leap_day)
        if not leap_year and values[0] == stand_in:
            values.append("02-29")
        return values


class DateSection(TriggerSection):
    """``[trigger]`` with ``date``."""

    date: DateRule

    def compile(self, part: FilePart) -> OnDate | None:
        """Return the trigger, or None if the fact does not exist or is not a date."""
        if self.date.every == "year":
            recurring(part)
        name, catalog = self.date.fact, part.references.catalog
        if name in catalog.broken:
            return None  # reported where the fact is declared
        if not part.check_known("fact", name, catalog.facts, "date", "fact"):
            return None
        if (found := catalog.facts[name].type) is not ValueType.DATE:
            part.find(f"`{name}` has type {found}; a date trigger needs a fact of type date", "date", "fact")
            return None
        return OnDate(self.date)


def _words(by: TriggeredBy) -> str:
    return f"the date of {by.rest}"


DATE = TriggerKind("date", DateSection, OCCURRENCE, _words)
