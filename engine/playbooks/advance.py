"""Advancing enrolments: each takes its due step, and the steps after it that take no time, set-wise.

A chunk of due enrolments is copied into a temporary table and taken through each playbook's steps there, in order,
because jumps only go forward. At the end the copies are written back. Actions and coupon codes are created on the way,
all in one transaction.
"""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from engine.actions.ledger import cancel_unsent
from engine.clock import Instant
from engine.incentives.coupons import CouponIssuer
from engine.playbooks.breakers import ENROLMENT_PARTS, PartKind, PlaybookBreakers, PlaybookPart, attribute_bugs_to
from engine.playbooks.due_enrolments import ACTIVE, DUE_ENROLMENT, DueEnrolments, EnrolmentsAtStep
from engine.playbooks.file.playbook import Step
from engine.playbooks.pinned import PinnedPlaybooks
from engine.playbooks.reasons import PlaybookReason
from engine.store.dialects import Dialect
from engine.store.due import is_evaluated_sql
from engine.store.paused import SubjectScope, paused_names_sql
from engine.store.temporary import analyse, drop_temporary, temporary

_COLUMNS = (
    "id BIGINT PRIMARY KEY, user_id BIGINT, playbook TEXT, version TEXT, step BIGINT, due_at BIGINT,"
    " trigger_at BIGINT, waiting_since BIGINT, state TEXT, reason TEXT"
)


@dataclass(frozen=True, slots=True)
class Advanced:
    """What one call did: enrolments advanced (zero means nothing was due), and actions created."""

    passed: int
    actions: int


class Advance:
    """Advances due enrolments through their steps."""

    def __init__(
        self,
        pinned: PinnedPlaybooks,
        coupon_issuer: CouponIssuer,
        dialect: Dialect,
        brand_zone: str,
        breakers: PlaybookBreakers,
    ) -> None:
        """``brand_zone`` is used for users whose time zone is unknown."""
        self._breakers = breakers
        self._pinned = pinned
        self._coupon_issuer = coupon_issuer
        self._dialect = dialect
        self._brand_zone = ZoneInfo(brand_zone)

    def run(self, connection: Connection, now: Instant, limit: int) -> Advanced:
        """Advance up to ``limit`` due enrolments.

        Enrolments of playbooks whose steps have stopped stay as they are.

        Raises:
            PlaybookAtFault: a step's code has a bug.
        """
        taken = self._take(connection, now, limit)
        made = 0
        if taken:
            groups = text(f"SELECT playbook, version, min(step) FROM {DUE_ENROLMENT} GROUP BY playbook, version")
            for name, version, first in connection.execute(groups).all():
                with attribute_bugs_to(PlaybookPart(name, version, PartKind.STEPS), connection):
                    made += self._walk(connection, name, version, first, now)
            self._write_back(connection, now)
        drop_temporary(connection, DUE_ENROLMENT)
        return Advanced(taken, made)

    def first_due(self, connection: Connection, now: Instant) -> int | None:
        """Lock and return the enrolment that ``run`` takes first in this transaction; None if none is due."""
        due, binds = self._due(now, 1)
        found: int | None = connection.execute(text(f"SELECT id {due}"), binds).scalar()
        return found

    def _due(self, now: Instant, limit: int) -> tuple[str, dict[str, object]]:
        """Return SQL that follows the columns, and its binds.

        It locks the enrolments, and skips those locked by another worker, those of users who are due, because what is
        new about them may end their enrolment, and those that a person has paused.
        """
        binds: dict[str, object] = {"now": now, "limit": limit}
        but = ""
        for number, part in enumerate(self._breakers.all_paused(ENROLMENT_PARTS, now)):
            but += f" AND NOT (playbook = :playbook_{number} AND version = :version_{number})"
            binds |= {f"playbook_{number}": part.name, f"version_{number}": part.version}
        but += f" AND {self._dialect.not_among('playbook', paused_names_sql(SubjectScope.PLAYBOOK))}"
        but += f" AND NOT EXISTS ({paused_names_sql(SubjectScope.EVERYTHING)})"
        these = f"state = 'active' AND due_at <= :now AND {is_evaluated_sql(self._dialect, 'user_id')}{but}"
        return f"FROM enrolment WHERE {these} ORDER BY due_at LIMIT :limit{self._dialect.lock_free()}", binds

    def _take(self, connection: Connection, now: Instant, limit: int) -> int:
        """Copy a chunk of due enrolments into a temporary table; return how many."""
        temporary(connection, self._dialect, DUE_ENROLMENT, _COLUMNS)
        due, binds = self._due(now, limit)
        taken = connection.execute(
            text(
                f"INSERT INTO {DUE_ENROLMENT}"
                f" SELECT id, user_id, playbook, version, step, due_at, trigger_at, waiting_since, state, reason {due}"
            ),
            binds,
        ).rowcount
        if taken:
            connection.execute(text(f"CREATE INDEX {DUE_ENROLMENT}_at ON {DUE_ENROLMENT} (playbook, version, step)"))
            analyse(connection, self._dialect, DUE_ENROLMENT)
        return taken

    def _walk(self, connection: Connection, name: str, version: str, first: int, now: Instant) -> int:
        playbook = self._pinned.get(connection, name, version)
        if playbook is None:
            self._cancel(connection, name, version, now)
            return 0
        due = DueEnrolments(connection, self._dialect, playbook, self._coupon_issuer, self._brand_zone, now)
        _expire(due)
        made = sum(_take(due, step) for step in playbook.steps[first:])
        _finish(due, len(playbook.steps))
        return made

    def _cancel(self, connection: Connection, name: str, version: str, now: Instant) -> None:
        these = "playbook = :playbook AND version = :version"
        binds = {"playbook": name, "version": version}
        connection.execute(
            text(f"UPDATE {DUE_ENROLMENT} SET state = 'cancelled', reason = :reason WHERE {these}"),
            {**binds, "reason": PlaybookReason.VERSION_UNREADABLE.value},
        )
        cancelled = f"SELECT id FROM {DUE_ENROLMENT} WHERE {these}"
        cancel_unsent(connection, cancelled, PlaybookReason.VERSION_UNREADABLE, now, binds)

    def _write_back(self, connection: Connection, now: Instant) -> None:
        """Write the copies back; ``_take`` has locked these enrolments, so this waits for nobody."""
        connection.execute(
            text(
                "UPDATE enrolment SET step = d.step, due_at = d.due_at, waiting_since = d.waiting_since,"
                " state = d.state, reason = d.reason,"
                " ended_at = CASE WHEN d.state <> 'active' THEN CAST(:now AS BIGINT) END"
                f" FROM {DUE_ENROLMENT} AS d WHERE enrolment.id = d.id"
            ),
            {"now": now},
        )


def _expire(due: DueEnrolments) -> None:
    """End enrolments whose trigger expired before their first step."""
    late = "d.step = 0 AND d.waiting_since IS NULL AND d.trigger_at + :expires <= :now"
    due.update(
        f"state = 'expired', reason = '{PlaybookReason.EXPIRED}'", f"{ACTIVE} AND {late}", {"expires": due.head.expires}
    )


def _take(due: DueEnrolments, step: Step) -> int:
    """Let the enrolments at ``step`` take it or skip it; return how many actions were created.

    Raises:
        RuntimeError: the step's kind has a bug: it left an enrolment unchanged, which would be due forever.
    """
    here = EnrolmentsAtStep(due, step.index, step.id)
    if not here.anybody():
        return 0
    if step.when is not None:
        here.go(here.next, f"d.waiting_since IS NULL AND NOT {here.holds(step.when)}")
    made = step.act.take(here)
    if here.anybody("d.waiting_since IS NULL"):
        kind = type(step.act).__name__
        raise RuntimeError(f"the step `{step.id}` of `{due.head.name}` ({kind}) neither moved nor ended an enrolment")
    return made


def _finish(due: DueEnrolments, end: int) -> None:
    """End enrolments that have no step left."""
    due.update(
        f"state = 'finished', reason = '{PlaybookReason.COMPLETED}'", f"{ACTIVE} AND d.step >= :end", {"end": end}
    )
