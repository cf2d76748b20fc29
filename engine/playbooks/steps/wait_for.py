"""``wait_for = "review_posted"``: waits for an event, or until a time-out."""

from collections.abc import Collection
from dataclasses import dataclass

from pydantic import model_validator

from engine.content.values import Duration, Name
from engine.playbooks.due_enrolments import EnrolmentsAtStep
from engine.playbooks.steps.base import Act, Standing, StepKind, StepPart, StepSection, needs
from engine.store.statement import quoted


@dataclass(frozen=True, slots=True)
class WaitFor(Act):
    """Waits for an event; after ``timeout`` milliseconds without it, goes to the step ``otherwise``."""

    event: str
    timeout: int
    otherwise: int

    @property
    def waits_for(self) -> str:
        """The event that the step waits for."""
        return self.event

    def targets(self, index: int) -> Collection[int]:
        """Return the next step and the step after a time-out."""
        return (index + 1, self.otherwise)

    def standing(self, index: int) -> Standing:
        """Return this step, until the time-out."""
        return Standing(index, self.timeout, waiting=True)

    def take(self, here: EnrolmentsAtStep) -> int:
        """Move on if the event has happened since the step was due; otherwise time out, or start waiting."""
        came = (
            "(SELECT min(e.at) FROM event AS e WHERE e.user_id = d.user_id"
            f" AND e.name = {quoted(self.event)}"
            " AND e.at > coalesce(d.waiting_since, d.due_at) AND e.at <= :now)"
        )
        here.move(here.next, f"{came} IS NOT NULL", due_at=came)
        here.go(self.otherwise, "d.waiting_since IS NOT NULL")
        here.stay(at_most=self.timeout)
        return 0


class WaitForSection(StepSection):
    """``[[step]]`` with ``wait_for``."""

    wait_for: Name
    """The event; the enrolment moves on as soon as it happens."""
    timeout: Duration
    """How long to wait for the event."""
    otherwise: Name | None = None
    """The step to go to after the time-out; by default the next one."""

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, data: object) -> object:
        needs(data, "timeout", '`wait_for` needs a `timeout`, such as `timeout = "7d"`')
        return data

    def compile(self, part: StepPart) -> WaitFor:
        """Return the act; note an error if the event or the step does not exist."""
        part.check_event(self.wait_for, "wait_for")
        otherwise = part.next if self.otherwise is None else part.target(self.otherwise, "otherwise")
        return WaitFor(self.wait_for, self.timeout, otherwise)


WAIT_FOR = StepKind("wait_for", WaitForSection)
