"""``branch = [{ when = "value = 'high'", to = "gift" }]``: goes to the step of the first arm whose condition holds."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from engine.conditions.condition import Condition
from engine.content.document import Section
from engine.content.values import Name
from engine.playbooks.due_enrolments import EnrolmentsAtStep
from engine.playbooks.steps.base import Act, StepKind, StepPart, StepSection


@dataclass(frozen=True, slots=True)
class Branch(Act):
    """Goes to the step of the first arm whose condition holds, or to ``otherwise``."""

    arms: tuple[tuple[Condition, int], ...]
    otherwise: int

    def targets(self, index: int) -> Collection[int]:
        """Return the steps of the arms and of ``otherwise``."""
        return (*(target for _, target in self.arms), self.otherwise)

    def take(self, here: EnrolmentsAtStep) -> int:
        """Move each enrolment to the step of the first arm whose condition holds."""
        for condition, target in self.arms:
            here.go(target, here.holds(condition))
        here.go(self.otherwise)
        return 0


class ArmSection(Section):
    """One arm: goes to the step ``to`` if ``when`` holds."""

    when: str
    to: Name


class BranchSection(StepSection):
    """``[[step]]`` with ``branch``."""

    branch: list[ArmSection]
    otherwise: Name | None = None
    """The step if no arm's condition holds; by default the next one."""

    def compile(self, part: StepPart) -> Branch:
        """Return the act; note an error for each step that does not exist."""
        otherwise = part.next if self.otherwise is None else part.target(self.otherwise, "otherwise")
        return Branch(tuple(self._arms(part)), otherwise)

    def _arms(self, part: StepPart) -> Iterator[tuple[Condition, int]]:
        for number, arm in enumerate(self.branch):
            condition = part.condition(arm.when, "branch", number, "when")
            target = part.target(arm.to, "branch", number, "to")
            if condition is not None:
                yield condition, target


BRANCH = StepKind("branch", BranchSection)
