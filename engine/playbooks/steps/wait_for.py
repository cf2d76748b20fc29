"""``wait_for = "review_posted"``: until an event comes, or a time-out."""

from collections.abc import Collection
from dataclasses import dataclass

from pydantic import model_validator

from engine.conditions.sql import text_literal
from engine.content.values import Duration, Name
from engine.playbooks.due_enrolments import AtStep
from engine.playbooks.steps.base import Act, StepKind, StepPart, StepSection, needs


@dataclass(frozen=True, slots=True)
class WaitFor(Act):
    """An event, or a time-out in milliseconds and then the step ``otherwise``."""

    event: str
    timeout: int
    otherwise: int

    @property
    def waits_for(self) -> str:
        """The event."""
        return self.event

    def targets(self, index: int) -> Collection[int]:
        """Return the next step, and that after the time-out."""
        return (index + 1, self.otherwise)

    def take(self, here: AtStep) -> int:
        """Go on where the event came since the step was due; else time out, or begin to wait."""
        came = (
            "(SELECT min(e.at) FROM event AS e WHERE e.user_id = d.user_id"
            f" AND e.name = {text_literal(self.event, here.due.dialect)}"
            " AND e.at > coalesce(d.waiting_since, d.due_at) AND e.at <= :now)"
        )
        here.move(here.next, f"{came} IS NOT NULL", due_at=came)
        here.go(self.otherwise, "d.waiting_since IS NOT NULL")
        here.stay(at_most=self.timeout)
        return 0


class WaitForSection(StepSection):
    """``[[step]]`` with ``wait_for``."""

    wait_for: Name
    """The event; the enrolment goes on at once when it comes."""
    timeout: Duration
    """The enrolment goes on after this long all the same."""
    otherwise: Name | None = None
    """The step to go to after the time-out; the next one where absent."""

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, data: object) -> object:
        needs(data, "timeout", '`wait_for` needs a `timeout`, such as `timeout = "7d"`')
        return data

    def compile(self, part: StepPart) -> WaitFor:
        """Return the act; event and step have to exist."""
        part.check_event(self.wait_for, "wait_for")
        otherwise = part.next if self.otherwise is None else part.target(self.otherwise, "otherwise")
        return WaitFor(self.wait_for, self.timeout, otherwise)


WAIT_FOR = StepKind("wait_for", WaitForSection)
