"""What has stopped because of a bug in a playbook's code: in a kind of trigger, or in a kind of step.

A bug stops only the part of the playbook that it is in. Enrolments stay due as they are, and users who could have
entered become due again; after a pause, which grows, both are tried again. The other playbooks go on.
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
"""Longer than that of a channel: each trial evaluates again all users who could have entered."""

_log = structlog.get_logger("habitue.tick")


class PartKind(StrEnum):
    """The parts of a playbook that stop independently."""

    ENTRY = "entry"
    """Enrolling users: the trigger's code."""
    EXITS = "exits"
    """Ending and resuming enrolments, and enrolments that wait for that: nobody goes on who may have to leave."""
    STEPS = "steps"
    """Advancing enrolments: the steps' code."""


OF_USERS = (PartKind.ENTRY, PartKind.EXITS)
"""What is done for users when they are due."""
OF_ENROLMENTS = (PartKind.EXITS, PartKind.STEPS)
"""What must work for an enrolment to go on."""
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
    """A bug in a playbook's code: the cause of this exception. What the transaction did must not be kept."""

    def __init__(self, part: PlaybookPart) -> None:
        self.part = part
        super().__init__(f"a bug in {part}")

    @classmethod
    def because(cls, part: PlaybookPart, error: Exception) -> "PlaybookAtFault":
        """Return one that ``error`` has shown, without being in its traceback."""
        fault = cls(part)
        fault.__cause__ = error
        return fault


@contextmanager
def attribute_bugs_to(part: PlaybookPart, connection: Connection | None = None) -> Iterator[None]:
    """Run the code of ``part``, in the transaction of ``connection`` if it uses one.

    Raises:
        PlaybookAtFault: the code has a bug. Errors of the database and of rows' values pass through as they are.
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
    """Which parts of playbooks have stopped, for this process and this version of the content."""

    def __init__(self) -> None:
        self._breakers: dict[PlaybookPart, Breaker] = {}

    def fail(self, fault: PlaybookAtFault, now: Instant) -> None:
        """Stop the part that has the bug."""
        part, detail = fault.part, trail(fault)
        breaker = self._breakers.setdefault(part, Breaker(f"{part} has stopped"))
        if breaker.down(CODE_AT_FAULT, detail, now, _LONGEST_PAUSE):
            _log.error(CODE_AT_FAULT, playbook=part.name, error=detail, alarm=str(breaker.alarm))

    def paused(self, part: PlaybookPart, now: Instant) -> bool:
        """Tell whether ``part`` must not run at ``now``."""
        breaker = self._breakers.get(part)
        return breaker is not None and breaker.paused(now)

    def all_paused(self, parts: Container[PartKind], now: Instant) -> tuple[PlaybookPart, ...]:
        """Return what of ``parts`` must not run at ``now``, in all playbooks."""
        return tuple(one for one in self._breakers if one.part in parts and self.paused(one, now))

    def users_retry_at(self, now: Instant) -> Instant | None:
        """Return when users whom entries or exits passed over must be evaluated again; None if there were none."""
        alarms = (self._breakers[one].alarm for one in self.all_paused(OF_USERS, now))
        return min((Instant(alarm.until) for alarm in alarms if alarm), default=None)

    def resume(self, parts: Container[PartKind], now: Instant) -> None:
        """Note that everything due at ``now`` was done, except for what is paused: all else of ``parts`` works."""
        for one in [one for one in self._breakers if one.part in parts and not self.paused(one, now)]:
            del self._breakers[one]
            _log.info("playbook_resumed", playbook=one.name)

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """The alarms of everything that has stopped."""
        return tuple(breaker.alarm for breaker in self._breakers.values() if breaker.alarm)


def playbooks_of(connection: Connection, enrolments: Collection[int]) -> tuple[PlaybookPart, ...]:
    """Return the steps of the playbooks, with their versions, that ``enrolments`` are in."""
    query = text("SELECT DISTINCT playbook, version FROM enrolment WHERE id IN :ids").bindparams(
        bindparam("ids", expanding=True)
    )
    rows = connection.execute(query, {"ids": list(enrolments)}).all()
    return tuple(PlaybookPart(name, version, PartKind.STEPS) for name, version in rows)


def part_of(playbook: PlaybookHead, part: PartKind) -> PlaybookPart:
    """Return that part of this version of ``playbook``."""
    return PlaybookPart(playbook.name, playbook.version, part)
