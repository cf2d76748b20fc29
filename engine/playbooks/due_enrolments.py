"""The due enrolments of one version of one playbook, and those of them that are at one step.

A step's time counts from when the previous step was due, not from the tick, so a late tick does not delay later steps.
But two steps never come closer than half the wait between them, so that nobody gets all messages at once after a long
outage.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from engine.clock import Instant
from engine.conditions.condition import Condition
from engine.conditions.sql import NOW
from engine.incentives.coupons import CouponIssuer
from engine.playbooks.file.head import PlaybookHead
from engine.store.dialects import Dialect
from engine.store.statement import statement

DUE_ENROLMENT = "due_enrolment"
"""The chunk: ``due_enrolment(id, user_id, playbook, version, step, due_at, trigger_at, waiting_since, state, reason)``."""
ACTIVE = "d.playbook = :playbook AND d.version = :version AND d.state = 'active' AND d.due_at <= :now"
_HERE = f"{ACTIVE} AND d.step = :step"


@dataclass(frozen=True)
class DueEnrolments:
    """The due enrolments of one version of one playbook."""

    connection: Connection
    dialect: Dialect
    head: PlaybookHead
    coupon_issuer: CouponIssuer
    brand_zone: ZoneInfo
    """For users whose time zone is unknown."""
    now: Instant

    def update(self, setting: str, where: str, binds: Mapping[str, object]) -> None:
        """Update the rows ``d`` of ``due_enrolment`` for which ``where`` holds."""
        sql = f"UPDATE {DUE_ENROLMENT} AS d SET {setting} WHERE {where}"
        self.connection.execute(statement(sql), self.binds(**binds))

    def binds(self, **further: object) -> dict[str, object]:
        """Return the binds that every statement over these enrolments needs, plus ``further`` ones."""
        return {"playbook": self.head.name, "version": self.head.version, "now": self.now, **further}


@dataclass(frozen=True)
class EnrolmentsAtStep:
    """The due enrolments that take one step: what a kind of step works on.

    Every enrolment must go to a later step (``go``, ``go_after``, ``move``), stay for a while (``stay``,
    ``stay_until``) or end (``end``). SQL passed to these methods may use the enrolment as ``d``, and ``:now``.
    """

    due: DueEnrolments
    index: int
    id: str
    """The step's name in the log."""

    @property
    def next(self) -> int:
        """The step after this one."""
        return self.index + 1

    @property
    def rows(self) -> str:
        """SQL to follow FROM: these enrolments as ``d``; needs ``binds``."""
        return self.joined("")

    def joined(self, join: str) -> str:
        """Return ``rows`` with a join before the condition."""
        return f"{DUE_ENROLMENT} AS d {join} WHERE {_HERE}"

    def binds(self, **further: object) -> dict[str, object]:
        """Return the binds of ``rows``, plus ``further`` ones."""
        return self.due.binds(step=self.index, **further)

    def anybody(self, condition: str = "TRUE") -> bool:
        """Tell whether ``condition`` holds for any enrolment at this step."""
        query = statement(f"SELECT EXISTS (SELECT 1 FROM {self.rows} AND {condition})")
        return bool(self.due.connection.execute(query, self.binds()).scalar_one())

    def holds(self, condition: Condition) -> str:
        """Return SQL: the condition holds for the enrolment's user."""
        return condition.holds_for_sql(self.due.dialect, "d.user_id")

    def go(self, target: int, condition: str = "TRUE") -> None:
        """Move the enrolments for which ``condition`` holds to the step ``target``, due at once."""
        self.move(target, condition, due_at="d.due_at")

    def move(
        self, target: int, condition: str = "TRUE", *, due_at: str, binds: Mapping[str, object] | None = None
    ) -> None:
        """Move the enrolments for which ``condition`` holds to the step ``target``, due at the SQL ``due_at``."""
        setting = f"step = :target, waiting_since = NULL, due_at = {due_at}"
        self._update(setting, condition, {"target": target, **(binds or {})})

    def go_after(self, target: int, duration: int) -> None:
        """Move the enrolments to the step ``target``, due after ``duration`` milliseconds."""
        self.move(target, due_at=self._after(), binds=_lengths(duration))

    def stay(self, *, at_most: int) -> None:
        """Keep the enrolments waiting at this step; they are due again after at most ``at_most`` milliseconds."""
        setting = f"waiting_since = d.due_at, due_at = {self._after()}"
        self._update(setting, "TRUE", _lengths(at_most))

    def stay_until(self, due_at: str, **binds: object) -> None:
        """Keep the enrolments waiting at this step; they are due again at the SQL ``due_at``."""
        self._update(f"waiting_since = d.due_at, due_at = {due_at}", "TRUE", binds)

    def end(self, reason: str) -> None:
        """End these enrolments. Their messages that are still queued are sent nevertheless."""
        self._update("state = 'exited', reason = :reason", "TRUE", {"reason": reason})

    def _update(self, setting: str, condition: str, binds: Mapping[str, object]) -> None:
        self.due.update(setting, f"{_HERE} AND {condition}", {"step": self.index, **binds})

    def _after(self) -> str:
        """Return SQL: ``:duration`` after the step was due, but at least half of it from now."""
        soonest = f"{NOW} + :duration_half"
        return self.due.dialect.greatest("d.due_at + :duration", soonest)


def _lengths(duration: int) -> dict[str, object]:
    return {"duration": duration, "duration_half": duration // 2}
