"""``exit = "gave_up"``: the end, with a reason of the playbook's own."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from engine.playbooks.due_enrolments import AtStep
from engine.playbooks.steps.base import Act, StepKind, StepPart, StepSection


@dataclass(frozen=True, slots=True)
class Exit(Act):
    """The end."""

    reason: str

    @property
    def endings(self) -> Mapping[str, str]:
        """The file's own reason."""
        return {self.reason: "A step of the playbook ended it, with this reason of its own."}

    def targets(self, index: int) -> Collection[int]:
        """Return nothing: no step follows."""
        return ()

    def take(self, here: AtStep) -> int:
        """End. Messages of earlier steps that still wait go out all the same: only [exit] calls them off."""
        here.end(self.reason)
        return 0


class ExitStepSection(StepSection):
    """``[[step]]`` with ``exit``."""

    exit: str
    """The reason, for the log."""

    def compile(self, part: StepPart) -> Exit:
        """Return the act."""
        return Exit(self.exit)


EXIT = StepKind("exit", ExitStepSection)
