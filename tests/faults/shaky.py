"""Kinds of steps and triggers with a bug that can be switched on and off, like a faulty release and its fix."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from sqlalchemy import text

from engine.conditions.condition import Condition
from engine.kinds import SHIPPED, Kinds
from engine.playbooks.due_enrolments import EnrolmentsAtStep
from engine.playbooks.file.part import FilePart
from engine.playbooks.steps.base import Act, StepKind, StepPart, StepSection
from engine.playbooks.steps.wait import Wait
from engine.playbooks.triggers.base import LocalTimeTrigger, Occasion, Trigger, TriggerKind, TriggerSection
from engine.playbooks.triggers.candidates import Candidates, CandidateSource, timely, with_user
from engine.playbooks.triggers.occasions import occasion_candidates
from engine.store.dialects import Dialect
from tests.world import day


@dataclass
class Bug:
    """What the code does instead of its work, and how often it ran."""

    planted: Callable[[EnrolmentsAtStep | None], None] | None = None
    runs: int = 0

    def run(self, here: EnrolmentsAtStep | None = None) -> None:
        self.runs += 1
        if self.planted is not None:
            self.planted(here)


def wrong_type(_: EnrolmentsAtStep | None) -> None:
    nothing: dict[str, int] = {}
    nothing["place"] += 1


def half_done(here: EnrolmentsAtStep | None) -> None:
    """Move the enrolments, change a row, and then fail."""
    assert here is not None
    here.go(here.next)
    here.due.connection.execute(text("UPDATE users SET timezone = 'Asia/Tokyo'"))
    wrong_type(here)


def wrong_sql(here: EnrolmentsAtStep | None) -> None:
    assert here is not None
    here.due.connection.execute(text("SELECT no_such_column FROM enrolment"))


def forgetful(_: EnrolmentsAtStep | None) -> None:
    """Do nothing: the enrolments stay where they are."""


@dataclass(frozen=True)
class ShakyStep(Act):
    bug: Bug = field(compare=False)

    def take(self, here: EnrolmentsAtStep) -> int:
        self.bug.run(here)
        if self.bug.planted is None:
            here.go(here.next)
        return 0


@dataclass(frozen=True)
class ShakyExit(Act):
    bug: Bug = field(compare=False)

    def take(self, here: EnrolmentsAtStep) -> int:
        here.go(here.next)
        return 0

    @property
    def waits_for(self) -> None:
        self.bug.run()


@dataclass(frozen=True)
class ShakyTrigger(Trigger):
    bug: Bug = field(compare=False)

    @property
    def reads_events(self) -> frozenset[str]:
        return frozenset({"review_posted"})

    def candidates(self, source: CandidateSource, dialect: Dialect) -> Candidates:
        self.bug.run()
        return Candidates(
            rows=f"{source.events} AS x {with_user('x.user_id')}",
            where="x.name = 'review_posted' AND x.at <= :now",
            at="x.at",
            occurrence="'shaky:' || CAST(x.id AS TEXT)",
            user="x.user_id",
            tie="x.id",
            tests=timely("x.at"),
        )


@dataclass(frozen=True)
class ShakyProperty(ShakyTrigger):
    """The bug is in one property, and shows before candidates are queried."""

    place: str

    def _run_if(self, place: str) -> None:
        if place == self.place:
            self.bug.run()

    @property
    def reads_events(self) -> frozenset[str]:
        self._run_if("reads_events")
        return super().reads_events

    @property
    def conditions(self) -> tuple[Condition, ...]:
        self._run_if("conditions")
        return ()

    @property
    def local_time(self) -> None:
        self._run_if("local_time")


@dataclass(frozen=True)
class ShakyDay(LocalTimeTrigger):
    """The third day, for everybody."""

    bug: Bug = field(compare=False)

    @property
    def key(self) -> str:
        return "shaky day"

    def candidates(self, source: CandidateSource, dialect: Dialect) -> Candidates:
        return occasion_candidates(source)

    def occasions_between(self, name: str, zone: ZoneInfo, since: int, now: int) -> Iterator[Occasion]:
        self.bug.run()
        if since < day(3) <= now:
            yield Occasion(name, "", "", day(3), "shaky:3", "3")


def shaky_kinds(bug: Bug) -> Kinds:
    """Return the program's kinds and six with ``bug``.

    They are a step, one that has the bug when exits are checked, one that has it when it is compiled, and three triggers.
    """

    class StepForm(StepSection):
        shaky: bool

        def compile(self, part: StepPart) -> Act:
            return ShakyStep(bug)

    class ExitForm(StepSection):
        shaky_exit: bool

        def compile(self, part: StepPart) -> Act:
            return ShakyExit(bug)

    class CompileForm(StepSection):
        shaky_compile: bool

        def compile(self, part: StepPart) -> Act:
            bug.run()
            return Wait(0)

    class TriggerForm(TriggerSection):
        shaky_event: bool

        def compile(self, part: FilePart) -> Trigger:
            return ShakyTrigger(bug)

    class PropertyForm(TriggerSection):
        shaky_property: str

        def compile(self, part: FilePart) -> Trigger:
            return ShakyProperty(bug, self.shaky_property)

    class DayForm(TriggerSection):
        shaky_day: bool

        def compile(self, part: FilePart) -> Trigger:
            return ShakyDay(bug)

    return SHIPPED + Kinds(
        steps=(StepKind("shaky", StepForm), StepKind("shaky_exit", ExitForm), StepKind("shaky_compile", CompileForm)),
        triggers=(
            TriggerKind("shaky_event", TriggerForm, "shaky", lambda _: "a review"),
            TriggerKind("shaky_property", PropertyForm, "shaky", lambda _: "a review"),
            TriggerKind("shaky_day", DayForm, "shaky", lambda _: "the third day"),
        ),
    )
