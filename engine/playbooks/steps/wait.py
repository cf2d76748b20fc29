"""``wait = "3d"``: time passes."""

from dataclasses import dataclass

from engine.content.values import Duration
from engine.playbooks.due_enrolments import AtStep
from engine.playbooks.steps.base import Act, StepKind, StepPart, StepSection


@dataclass(frozen=True, slots=True)
class Wait(Act):
    """A time in milliseconds."""

    duration: int

    def take(self, here: AtStep) -> int:
        """Go on when the time has passed."""
        here.go_after(here.next, self.duration)
        return 0


class WaitSection(StepSection):
    """``[[step]]`` with ``wait``."""

    wait: Duration

    def compile(self, part: StepPart) -> Wait:
        """Return the act."""
        return Wait(self.wait)


WAIT = StepKind("wait", WaitSection)
