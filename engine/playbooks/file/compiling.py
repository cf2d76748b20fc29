"""From a playbook's file to its compiled form; every mistake on the way becomes a finding at its line."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from engine.calendar.crontab import read_cron
from engine.calendar.occurrences import Calendar, read_holiday
from engine.clock import DAY
from engine.conditions.condition import Condition, parse_condition
from engine.conditions.errors import ConditionErrors
from engine.conditions.report import condition_findings
from engine.conditions.types import PlaceType, Scope
from engine.content.bundle import digest
from engine.content.document import Document
from engine.content.findings import Finding, did_you_mean
from engine.content.kinds import FactType
from engine.content.locate import KeyPath
from engine.facts.catalog import FactCatalog
from engine.playbooks.file.form import DateTrigger, PlaybookFile, ScheduleTrigger
from engine.playbooks.file.playbook import Enter, Happened, Leave, OnDate, OnSchedule, Playbook, Trigger, Whenever
from engine.playbooks.file.step_compiling import StepCompiler


@dataclass(frozen=True)
class Surroundings:
    """What a playbook's file may refer to."""

    scope: Scope
    """Facts and placements."""
    catalog: FactCatalog
    places: Mapping[str, tuple[str, ...]]
    """Dimension -> places."""
    coupons: Collection[str] | None
    """Names; None where they are not checked."""
    templates: Collection[str] | None = None
    """Names such as ``winback/offer``; None where templates are not checked."""


class Compiler:
    """Compiles one file; ``findings`` collects what is wrong in it."""

    def __init__(self, file: PlaybookFile, document: Document, text: str, around: Surroundings) -> None:
        self.findings: list[Finding] = []
        self._file = file
        self._document = document
        self._text = text
        self._around = around
        self._whole = True
        """Every condition could be read; not so where one names something that is declared with mistakes."""

    def compile(self) -> Playbook | None:
        """Return the playbook, or None where there are errors."""
        head, trigger = self._file.playbook, self._trigger()
        audience = self._condition(("audience", "when"), self._file.audience.when) if self._file.audience else None
        leaving = self._file.exit
        if leaving and leaving.event is not None:
            self.check_event(("exit", "event"), leaving.event)
        exit_when = self._condition(("exit", "when"), leaving.when) if leaving and leaving.when is not None else None
        steps = StepCompiler(self, self._file.step, self._around).compile()
        self._check_times()
        if trigger is None or not self._whole or any(finding.severity == "error" for finding in self.findings):
            return None
        return Playbook(
            name=head.name,
            version=version_of(head.name, self._text),
            path=self._document.path,
            message_class=head.message_class,
            priority=head.priority,
            reentry=head.reentry,
            expires=head.expires,
            description=head.description,
            trigger=trigger,
            audience=audience,
            exit_event=leaving.event if leaving else None,
            exit_when=exit_when,
            steps=steps,
        )

    def find(self, where: KeyPath, message: str) -> None:
        """Note an error at a key."""
        self.findings.append(self._document.finding(where, message))

    def warn(self, where: KeyPath, message: str) -> None:
        """Note a warning at a key."""
        self.findings.append(self._document.finding(where, message, "warning"))

    def condition(self, where: KeyPath, text: str, scope: Scope | None = None) -> Condition | None:
        """Return a compiled condition, or None where it has mistakes."""
        return self._condition(where, text, scope)

    def check_event(self, where: KeyPath, event: str) -> bool:
        """Note an error where an event is not declared; tell whether it is."""
        known = self._around.catalog.events
        if event not in known and event not in self._around.catalog.broken_events:
            self.find(where, f"unknown event `{event}`{did_you_mean(event, known)}")
        return event in known

    def _condition(self, where: KeyPath, text: str, scope: Scope | None = None) -> Condition | None:
        try:
            return parse_condition(text, scope or self._around.scope)
        except ConditionErrors as mistakes:
            self.findings += condition_findings(self._document, where, mistakes)
            self._whole = False
            return None

    def _trigger(self) -> Trigger | None:
        trigger = self._file.trigger
        if trigger.event is not None:
            return self._happened(trigger.event, trigger.where)
        if trigger.date is not None:
            return self._on_date(trigger.date)
        if trigger.schedule is not None:
            return self._on_schedule(trigger.schedule)
        if trigger.when is not None:
            condition = self._condition(("trigger", "when"), trigger.when)
            return Whenever(condition) if condition else None
        return self._move("enter", trigger.enter) if trigger.enter else self._move("leave", trigger.leave or {})

    def _move(self, kind: str, places: Mapping[str, str]) -> Enter | Leave | None:
        dimension, place = next(iter(places.items()))
        where = ("trigger", kind, dimension)
        if dimension in self._around.scope.broken:
            return None  # said in the dimension's own file
        if dimension not in self._around.places:
            if dimension not in self._around.scope.broken:
                self.find(where, f"unknown dimension `{dimension}`{did_you_mean(dimension, self._around.places)}")
            return None
        if place not in self._around.places[dimension]:
            known = self._around.places[dimension]
            self.find(where, f"`{dimension}` has no place `{place}`{did_you_mean(place, known)}")
            return None
        stands = self._condition(where, f"{dimension} = '{place}'")
        if stands is None:
            return None
        if kind == "leave":
            return Leave(dimension, place, stands)
        kind_of_place = self._around.scope.names[dimension].type
        return Enter(dimension, place, stands, isinstance(kind_of_place, PlaceType) and kind_of_place.many)

    def _happened(self, event: str, where: str | None) -> Happened | None:
        if not self.check_event(("trigger", "event"), event):
            return None
        if where is None:
            return Happened(event, None)
        condition = self._condition(("trigger", "where"), where, self._around.catalog.event_scope(event))
        return Happened(event, condition) if condition else None

    def _on_date(self, rule: DateTrigger) -> OnDate | None:
        where, facts = ("trigger", "date", "fact"), self._around.catalog.facts
        if rule.fact in self._around.catalog.broken:
            return None  # said where the fact is declared
        if rule.fact not in facts:
            if rule.fact not in self._around.catalog.broken:
                self.find(where, f"unknown fact `{rule.fact}`{did_you_mean(rule.fact, facts)}")
            return None
        if (found := facts[rule.fact].type) is not FactType.DATE:
            self.find(where, f"`{rule.fact}` is of type {found}; a date trigger needs a fact of type date")
            return None
        return OnDate(rule)

    def _on_schedule(self, rule: ScheduleTrigger) -> OnSchedule | None:
        calendar: Calendar
        try:
            if rule.cron is None:
                calendar = read_holiday(str(rule.holiday), rule.offset // DAY, rule.at.minutes)
            else:
                calendar = read_cron(rule.cron)
        except ValueError as error:
            self.find(("trigger", "schedule", "cron" if rule.cron is not None else "holiday"), str(error))
            return None
        return OnSchedule(calendar)

    def _check_times(self) -> None:
        if self._file.playbook.expires == 0:
            self.find(("playbook", "expires"), "with `expires` of no time nothing is ever sent; write such as `7d`")
        where, reentry, trigger = ("playbook", "reentry"), self._file.playbook.reentry, self._file.trigger
        if trigger.when is not None and reentry == "always":
            self.find(
                where, "a `when` trigger with re-entry `always` would enrol at every tick; write a time, such as `90d`"
            )
        recurs = trigger.schedule is not None or (trigger.date is not None and trigger.date.every == "year")
        if recurs and reentry == "once":
            self.warn(
                where, "the trigger recurs, but re-entry is `once`: nobody enters twice; write `always` or a time"
            )


def version_of(name: str, text: str) -> str:
    """Return a playbook's version: a hash of its file's text, wherever the file lies."""
    return digest({name: text})
