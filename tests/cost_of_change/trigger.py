"""A kind of trigger that the program does not have: ``silence = { since = "last_order_at", longer_than = "10d" }``."""

from dataclasses import dataclass

from engine.actions.described_enum import DescribedEnum
from engine.clock import DAY, iso
from engine.conditions.condition import Condition
from engine.content.document import Section
from engine.content.value_types import ValueType
from engine.content.values import Duration, Name
from engine.playbooks.file.part import FilePart
from engine.playbooks.triggers.base import Trigger, TriggeredBy, TriggerKind, TriggerSection
from engine.playbooks.triggers.candidates import Candidates, CandidateSource, timely, with_user
from engine.store.dialects import Dialect


class SilenceReason(DescribedEnum):
    NOT_YET = "not_silent_yet", "The user was active too recently."


@dataclass(frozen=True, slots=True)
class Silence(Trigger):
    """Fires when ``days`` days have passed since the instant in ``fact``; once per silence."""

    fact: str
    days: int
    lasts: Condition

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return (self.lasts,)

    def candidates(self, source: CandidateSource, dialect: Dialect) -> Candidates:
        since = f"s.fact_{self.fact}"
        begins = f"{since} + {self.days * DAY}"
        return Candidates(
            rows=f"{source.users} AS d {with_user('d.user_id')}",
            where=f"{since} IS NOT NULL",
            at=begins,
            occurrence=f"'silence:' || CAST({since} AS TEXT)",
            user="d.user_id",
            tie="u.id",
            tests=((SilenceReason.NOT_YET, self.lasts.holds_sql(dialect, "s.user_id = d.user_id")), *timely(begins)),
        )

    def detail(self, reason: DescribedEnum, at: int) -> str:
        return f"not before {iso(at)}" if reason is SilenceReason.NOT_YET else Trigger.detail(self, reason, at)


class SilenceRule(Section):
    since: Name
    longer_than: Duration


class SilenceSection(TriggerSection):
    silence: SilenceRule

    def compile(self, part: FilePart) -> Silence | None:
        rule, facts = self.silence, part.references.catalog.facts
        if rule.longer_than == 0 or rule.longer_than % DAY:
            part.find("a silence is counted in whole days; write for example `10d`", "silence", "longer_than")
            return None
        if not part.check_known("fact", rule.since, facts, "silence", "since"):
            return None
        if facts[rule.since].type is not ValueType.INSTANT:
            part.find(f"`{rule.since}` is not an instant", "silence", "since")
            return None
        days = rule.longer_than // DAY
        lasts = part.condition(f"days_since({rule.since}) >= {days}", "silence", "since")
        return Silence(rule.since, days, lasts) if lasts else None


def _words(by: TriggeredBy) -> str:
    return f"silence since {iso(int(by.rest))}"


SILENCE = TriggerKind("silence", SilenceSection, "silence", _words, tuple(SilenceReason))
