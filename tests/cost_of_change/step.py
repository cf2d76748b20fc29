"""A kind of step that the program does not have: ``split = { percent = 50, to = "other" }``."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated
from zlib import crc32

from pydantic import Field

from engine.actions.described_enum import DescribedEnum
from engine.content.document import Section
from engine.content.values import Name
from engine.playbooks.due_enrolments import EnrolmentsAtStep
from engine.playbooks.steps.base import Act, StepKind, StepPart, StepSection


class SplitReason(DescribedEnum):
    LEFT_OUT = "left_out_by_split", "The user was in the share that the split leaves out."


@dataclass(frozen=True, slots=True)
class Split(Act):
    """Sends a fixed share of the users to another step, or ends their enrolments if there is none."""

    percent: int
    target: int | None

    @property
    def endings(self) -> Mapping[str, str]:
        return {} if self.target is not None else {SplitReason.LEFT_OUT.value: SplitReason.LEFT_OUT.sentence}

    def targets(self, index: int) -> Collection[int]:
        return (index + 1,) if self.target is None else (index + 1, self.target)

    def take(self, here: EnrolmentsAtStep) -> int:
        here.go(here.next, f"NOT {self.chosen(here)}")
        if self.target is None:
            here.end(SplitReason.LEFT_OUT.value)
        else:
            here.go(self.target)
        return 0

    def chosen(self, here: EnrolmentsAtStep) -> str:
        """Return SQL: the user is in the share. Each playbook and step has a different share."""
        salt = crc32(f"{here.due.head.name}/{here.id}".encode()) % 1_000_003
        return f"((d.user_id + {salt}) % 1000003 * 48271 % 1000003 % 100 < {self.percent})"


class SplitRule(Section):
    percent: Annotated[int, Field(gt=0, lt=100)]
    to: Name | None = None


class SplitSection(StepSection):
    split: SplitRule

    def compile(self, part: StepPart) -> Split:
        to = self.split.to
        return Split(self.split.percent, None if to is None else part.target(to, "split", "to"))


SPLIT = StepKind("split", SplitSection, tuple(SplitReason))


class Forget(Act):
    """A bug: it leaves every enrolment where it is."""

    def take(self, here: EnrolmentsAtStep) -> int:
        return 0


class ForgetSection(StepSection):
    forget: bool

    def compile(self, part: StepPart) -> Forget:
        return Forget()


FORGETFUL = StepKind("forget", ForgetSection)
