"""Why a user is or is not in each playbook, for ``habitue explain``.

It uses the same candidates and tests as enrolment, one test at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, text

from engine.actions.described_enum import DescribedEnum
from engine.calendar.zones import zone_or
from engine.clock import DAY, Instant, iso
from engine.playbooks.candidates import candidates
from engine.playbooks.file.playbook import Playbook, Playbooks
from engine.playbooks.occasions import fill_occasions
from engine.playbooks.reasons import PlaybookReason
from engine.playbooks.triggers.base import LocalTimeTrigger
from engine.playbooks.triggers.candidates import Candidates, CandidateSource
from engine.playbooks.triggers.occasions import OCCASION, occasions_between
from engine.playbooks.versions import activations
from engine.store.dialects import Dialect
from engine.store.statement import statement
from engine.store.temporary import drop_temporary

_LOOK_BACK = 400 * DAY
"""How far back occasions are searched, to report that the last one is too old."""


@dataclass(frozen=True, slots=True)
class Membership:
    """Whether and why one user is in one playbook."""

    playbook: str
    inside: bool
    reason: DescribedEnum
    detail: str
    """When and what happened; empty if the reason says enough."""

    def __str__(self) -> str:
        return f"{self.playbook}: {self.reason.sentence}" + (f" ({self.detail})" if self.detail else "")


class Memberships:
    """Explains which playbooks users are in, and why."""

    def __init__(self, playbooks: Playbooks, dialect: Dialect, brand_zone: str) -> None:
        """``brand_zone`` is used for users whose time zone is unknown."""
        self._playbooks = playbooks.playbooks
        self._dialect = dialect
        self._brand_zone = ZoneInfo(brand_zone)

    def of(self, connection: Connection, user_id: int, now: Instant) -> list[Membership]:
        """Return one membership per playbook, sorted by name."""
        since = activations(connection)
        return [self._one(connection, one, since.get(one.name), user_id, now) for one in self._playbooks]

    def _one(
        self, connection: Connection, playbook: Playbook, activated: int | None, user_id: int, now: Instant
    ) -> Membership:
        last = _last_enrolment(connection, playbook, user_id)
        if last is not None and last.state == "active":
            return Membership(playbook.name, True, PlaybookReason.ACTIVE, _current_step(playbook, last))
        if playbook.retired:
            return Membership(playbook.name, False, PlaybookReason.RETIRED, "")
        if activated is None:
            return Membership(playbook.name, False, PlaybookReason.NOT_ACTIVE_YET, "")
        found = self._newest(connection, playbook, activated, user_id, now)
        if found is None:
            return Membership(playbook.name, False, PlaybookReason.NOT_TRIGGERED, "")
        reason, at = found
        return Membership(playbook.name, False, reason, _detail(playbook, reason, at, activated, last))

    def _newest(
        self, connection: Connection, playbook: Playbook, activated: int, user_id: int, now: Instant
    ) -> tuple[DescribedEnum, int] | None:
        """Return why the newest candidate does not enter, or that a candidate enters; None if there is no candidate."""
        local_time = playbook.trigger.local_time
        if local_time is not None:
            self._fill(connection, local_time, user_id, now)
        found = candidates(playbook, _of_user(user_id), self._dialect)
        tests = sorted(found.tests, key=lambda test: test[0] is not PlaybookReason.SAME_OCCURRENCE)
        binds = {"playbook": playbook.name, "now": now, "since": now - playbook.expires, "activated": activated}
        rows = connection.execute(statement(_query(found, [sql for _, sql in tests])), binds).all()
        if local_time is not None:
            drop_temporary(connection, OCCASION)
        answers = [(_first_failing([reason for reason, _ in tests], row), int(row[0])) for row in rows]
        entering = [answer for answer in answers if answer[0] is PlaybookReason.ENTERS_NEXT]
        return next(iter(entering or answers), None)

    def _fill(self, connection: Connection, trigger: LocalTimeTrigger, user_id: int, now: Instant) -> None:
        """Find the user's occasions of the last year."""
        query = text("SELECT coalesce(timezone, '') FROM users WHERE id = :user_id")
        name = connection.execute(query, {"user_id": user_id}).scalar() or ""
        zones = {name: zone_or(name, self._brand_zone)}
        fill_occasions(connection, self._dialect, occasions_between(trigger, zones, now - _LOOK_BACK, now))


def _of_user(user_id: int) -> CandidateSource:
    return CandidateSource(
        users=f"(SELECT id AS user_id FROM users WHERE id = {user_id})",
        transitions=(
            "(SELECT id, user_id, dimension, from_place, to_place, at, cause FROM transition"
            f" WHERE user_id = {user_id})"
        ),
        events=f"(SELECT id, user_id, name, at FROM event WHERE user_id = {user_id})",
    )


def _query(found: Candidates, tests: list[str]) -> str:
    answers = "".join(f", {test} AS test_{number}" for number, test in enumerate(tests))
    return (
        f"SELECT {found.at} AS at{answers} FROM {found.rows} WHERE {found.where}"
        f" ORDER BY {found.at} DESC, {found.tie} DESC LIMIT 100"
    )


def _first_failing(reasons: list[DescribedEnum], row: Row[tuple[object, ...]]) -> DescribedEnum:
    answers: Sequence[object] = row[1:]
    return next(
        (reason for reason, holds in zip(reasons, answers, strict=True) if not holds), PlaybookReason.ENTERS_NEXT
    )


def _last_enrolment(connection: Connection, playbook: Playbook, user_id: int) -> Row[tuple[object, ...]] | None:
    query = text(
        "SELECT version, state, step, due_at, entered_at, ended_at, reason FROM enrolment"
        " WHERE playbook = :playbook AND user_id = :user_id"
        " ORDER BY CASE WHEN state = 'active' THEN 0 ELSE 1 END, entered_at DESC, id DESC LIMIT 1"
    )
    return connection.execute(query, {"playbook": playbook.name, "user_id": user_id}).first()


def _current_step(playbook: Playbook, enrolment: Row[tuple[object, ...]]) -> str:
    known = enrolment.version == playbook.version and enrolment.step < len(playbook.steps)
    step = f"step `{playbook.steps[enrolment.step].id}`" if known else f"step {enrolment.step + 1}"
    return f"since {iso(enrolment.entered_at)}; {step} is next, due {iso(enrolment.due_at)}"


def _detail(
    playbook: Playbook, reason: DescribedEnum, at: int, activated: int, last: Row[tuple[object, ...]] | None
) -> str:
    match reason:
        case PlaybookReason.TRIGGER_TOO_OLD:
            return f"it happened {iso(at)} and expired {iso(at + playbook.expires)}"
        case PlaybookReason.BEFORE_ACTIVATION:
            return f"it happened {iso(at)}; the playbook was first applied {iso(activated)}"
        case PlaybookReason.AUDIENCE_FALSE if playbook.audience is not None:
            return playbook.audience.text
        case PlaybookReason.SAME_OCCURRENCE | PlaybookReason.ONCE_ONLY if last is not None:
            return _what_became(last)
        case PlaybookReason.REENTRY_NOT_YET if last is not None and isinstance(playbook.reentry, int):
            return f"{_what_became(last)}; not before {iso(last.entered_at + playbook.reentry)}"
        case PlaybookReason():
            return f"it happened {iso(at)}" if reason is PlaybookReason.ENTERS_NEXT else ""
        case _:
            return playbook.trigger.detail(reason, at)


def _what_became(last: Row[tuple[object, ...]]) -> str:
    ended = f"{last.state} {iso(last.ended_at)}" if last.ended_at is not None else str(last.state)
    return f"entered {iso(last.entered_at)}, {ended}: {last.reason}"
