"""``wait = "3d"``: waits for a fixed time."""

from dataclasses import dataclass

from engine.content.values import Duration
from engine.playbooks.due_enrolments import EnrolmentsAtStep
from engine.playbooks.steps.base import Act, Standing, StepKind, StepPart, StepSection


@dataclass(frozen=True, slots=True)
class Wait(Act):
    """Waits for ``duration`` milliseconds."""

    duration: int

    def take(self, here: EnrolmentsAtStep) -> int:
        """Make the next step due when the time has passed."""
        here.go_after(here.next, self.duration)
        return 0

    def standing(self, index: int) -> Standing:
        """Return the next step, when the time has passed."""
        return Standing(index + 1, self.duration)


class WaitSection(StepSection):
    """``[[step]]`` with ``wait``."""

    wait: Duration

    def compile(self, part: StepPart) -> Wait:
        """Return the act; nothing can be wrong with it."""
        return Wait(self.wait)


WAIT = StepKind("wait", WaitSection)
