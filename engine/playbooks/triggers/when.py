"""``when = "spend_total >= 1000"``: every user for whom a condition holds, subject to re-entry."""

from dataclasses import dataclass

from engine.actions.described_enum import DescribedEnum
from engine.conditions.condition import Condition
from engine.conditions.sql import NOW
from engine.playbooks.file.part import FilePart
from engine.playbooks.triggers.base import Trigger, TriggeredBy, TriggerKind, TriggerSection
from engine.playbooks.triggers.candidates import Candidates, CandidateSource, with_user
from engine.store.dialects import Dialect

OCCURRENCE = "when"


class WhenReason(DescribedEnum):
    """Why a condition does not enrol the user."""

    CONDITION_FALSE = "condition_does_not_hold", "The trigger's condition does not hold."


@dataclass(frozen=True, slots=True)
class OnCondition(Trigger):
    """Fires while a condition over facts and placements holds."""

    condition: Condition

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The trigger's condition."""
        return (self.condition,)

    def candidates(self, source: CandidateSource, dialect: Dialect) -> Candidates:
        """Return all users, with the condition as a test; a user's occurrences are numbered."""
        number = "(SELECT count(*) + 1 FROM enrolment AS p WHERE p.playbook = :playbook AND p.user_id = u.id)"
        return Candidates(
            rows=f"{source.users} AS d {with_user('d.user_id')}",
            where="TRUE",
            at=NOW,
            occurrence=f"'{OCCURRENCE}:' || CAST({number} AS TEXT)",
            user="d.user_id",
            tie="u.id",
            tests=((WhenReason.CONDITION_FALSE, self.condition.holds_sql(dialect, "s.user_id = d.user_id")),),
        )

    def detail(self, reason: DescribedEnum, at: int) -> str:
        """Return the empty text if the condition does not hold, since then there is no instant to report."""
        return "" if reason is WhenReason.CONDITION_FALSE else Trigger.detail(self, reason, at)


class WhenSection(TriggerSection):
    """``[trigger]`` with ``when``."""

    when: str
    """A condition over facts and placements."""

    def compile(self, part: FilePart) -> OnCondition | None:
        """Return the trigger, or None if the condition has mistakes."""
        if part.head.reentry == "always":
            part.found.find(
                ("playbook", "reentry"),
                "a `when` trigger with re-entry `always` would enrol at every tick; write a duration, such as `90d`",
            )
        condition = part.condition(self.when, "when")
        return OnCondition(condition) if condition else None


def _words(by: TriggeredBy) -> str:
    return "its condition" if by.rest == "1" else f"its condition, for the {_ordinal(by.rest)} time"


def _ordinal(number: str) -> str:
    """Return ``2nd``, ``11th``, ``21st``."""
    ending = {"1": "st", "2": "nd", "3": "rd"}.get(number[-1:], "th")
    return number + ("th" if number[-2:] in ("11", "12", "13") else ending)


WHEN = TriggerKind("when", WhenSection, OCCURRENCE, _words, tuple(WhenReason))
