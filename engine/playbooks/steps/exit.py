"""``exit = "gave_up"``: ends the enrolment with a reason from the playbook."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from engine.playbooks.due_enrolments import EnrolmentsAtStep
from engine.playbooks.steps.base import Act, StepKind, StepPart, StepSection


@dataclass(frozen=True, slots=True)
class Exit(Act):
    """Ends the enrolment."""

    reason: str

    @property
    def endings(self) -> Mapping[str, str]:
        """The reason given in the file."""
        return {self.reason: "An exit step of the playbook ended it, with this reason."}

    def targets(self, index: int) -> Collection[int]:
        """Return an empty collection: no step follows."""
        return ()

    def take(self, here: EnrolmentsAtStep) -> int:
        """End the enrolments. Queued messages of earlier steps are still sent: only [exit] cancels them."""
        here.end(self.reason)
        return 0


class ExitStepSection(StepSection):
    """``[[step]]`` with ``exit``."""

    exit: str
    """The reason, for the log."""

    def compile(self, part: StepPart) -> Exit:
        """Return the act; nothing can be wrong with it."""
        return Exit(self.exit)


EXIT = StepKind("exit", ExitStepSection)
