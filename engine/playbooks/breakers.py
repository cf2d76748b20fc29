"""Pausing parts of playbooks whose code has a bug: a kind of trigger, or a kind of step.

A bug stops only the part of the playbook that it is in; other playbooks carry on. Enrolments stay due, and users who
might have entered become due again. Both are retried after a pause, which grows each time.
"""

from collections.abc import Collection, Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

import structlog
from sqlalchemy import Connection, bindparam, text

from engine.breaker import CODE_AT_FAULT, Alarm, Breaker
from engine.clock import HOUR, Instant
from engine.faults import trail
from engine.playbooks.file.head import PlaybookHead
from engine.store.data_errors import is_code_error

_LONGEST_PAUSE = HOUR
"""Longer than a channel's, because each retry re-evaluates all users who might have entered."""

_log = structlog.get_logger("habitue.tick")


class PartKind(StrEnum):
    """The parts of a playbook that stop independently."""

    ENTRY = "entry"
    """Enrolling users: the trigger's code."""
    EXITS = "exits"
    """Ending and resuming enrolments. While it is paused, none advance, because some of the users may have to leave.

    Its users are due at every tick, because another process, which does not know of the pause, would advance them.
    """
    STEPS = "steps"
    """Advancing enrolments: the steps' code."""


USER_PARTS = (PartKind.ENTRY, PartKind.EXITS)
"""The parts that run when users are due."""
ENROLMENT_PARTS = (PartKind.EXITS, PartKind.STEPS)
"""The parts that must work for an enrolment to advance."""
_SUBJECTS = {
    PartKind.ENTRY: "enrolling in playbook `{}`",
    PartKind.EXITS: "leaving playbook `{}`",
    PartKind.STEPS: "playbook `{}`",
}


@dataclass(frozen=True, slots=True)
class PlaybookPart:
    """One part of one version of a playbook."""

    name: str
    version: str
    part: PartKind

    def __str__(self) -> str:
        return _SUBJECTS[self.part].format(self.name)


class PlaybookAtFault(Exception):
    """A playbook's code has a bug; ``__cause__`` is the error. The transaction must be rolled back."""

    def __init__(self, part: PlaybookPart) -> None:
        self.part = part
        super().__init__(f"a bug in {part}")

    @classmethod
    def because(cls, part: PlaybookPart, error: Exception) -> "PlaybookAtFault":
        """Return the fault with ``error`` as its cause, for use outside an ``except`` block."""
        fault = cls(part)
        fault.__cause__ = error
        return fault


@contextmanager
def attribute_bugs_to(part: PlaybookPart, connection: Connection | None = None) -> Iterator[None]:
    """Raise a bug in the code of ``part`` as ``PlaybookAtFault``; ``connection`` is the code's transaction, if any.

    Raises:
        PlaybookAtFault: the code has a bug. Errors of the database and of row values are raised unchanged.
    """
    try:
        yield
    except PlaybookAtFault:
        raise
    except Exception as error:
        if is_code_error(error, connection):
            raise PlaybookAtFault(part) from error
        raise


class PlaybookBreakers:
    """Which parts of playbooks are paused in this process, under this version of the content."""

    def __init__(self) -> None:
        self._breakers: dict[PlaybookPart, Breaker] = {}

    def fail(self, fault: PlaybookAtFault, now: Instant) -> None:
        """Pause the part that has the bug."""
        part, detail = fault.part, trail(fault)
        breaker = self._breakers.setdefault(part, Breaker(f"{part} has stopped"))
        if breaker.down(CODE_AT_FAULT, detail, now, _LONGEST_PAUSE):
            _log.error(CODE_AT_FAULT, playbook=part.name, error=detail, alarm=str(breaker.alarm))

    def paused(self, part: PlaybookPart, now: Instant) -> bool:
        """Tell whether ``part`` must not run at ``now``."""
        breaker = self._breakers.get(part)
        return breaker is not None and breaker.paused(now)

    def all_paused(self, parts: Container[PartKind], now: Instant) -> tuple[PlaybookPart, ...]:
        """Return what must not run at ``now`` in any playbook, among these kinds of ``parts``."""
        return tuple(one for one in self._breakers if one.part in parts and self.paused(one, now))

    def users_retry_at(self, now: Instant) -> Instant | None:
        """Return when to re-evaluate users whom paused entries or exits skipped; None if nothing is paused."""
        alarms = (self._breakers[one].alarm for one in self.all_paused(USER_PARTS, now))
        return min((Instant(alarm.until) for alarm in alarms if alarm), default=None)

    def resume(self, parts: Container[PartKind], now: Instant) -> None:
        """Resume those of ``parts`` that are not paused: everything due at ``now`` has been processed, so they work."""
        for one in [one for one in self._breakers if one.part in parts and not self.paused(one, now)]:
            del self._breakers[one]
            _log.info("playbook_resumed", playbook=one.name)

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """The alarms of everything that has stopped."""
        return tuple(breaker.alarm for breaker in self._breakers.values() if breaker.alarm)


def playbooks_of(connection: Connection, enrolments: Collection[int]) -> tuple[PlaybookPart, ...]:
    """Return each playbook version that ``enrolments`` are in, as its part ``STEPS``."""
    query = text("SELECT DISTINCT playbook, version FROM enrolment WHERE id IN :ids").bindparams(
        bindparam("ids", expanding=True)
    )
    rows = connection.execute(query, {"ids": list(enrolments)}).all()
    return tuple(PlaybookPart(name, version, PartKind.STEPS) for name, version in rows)


def part_of(playbook: PlaybookHead, part: PartKind) -> PlaybookPart:
    """Return one part of this version of ``playbook``."""
    return PlaybookPart(playbook.name, playbook.version, part)
