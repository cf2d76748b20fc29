"""Pausing and resuming: nothing of what is paused is sent, nothing is lost, and it goes on where it was."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from engine.actions.ledger import due_at_once
from engine.clock import Instant
from engine.control.interventions import Hand, record
from engine.delivery.reasons import DeliveryReason
from engine.errors import InputError
from engine.store.dialects import dialect_of
from engine.store.paused import PauseOrigin, StandingPause, Subject, SubjectScope, standing_pauses

_ADD = text(
    "INSERT INTO pause (scope, name, origin, since, intervention_id)"
    f" VALUES (:scope, :name, '{PauseOrigin.PERSON}', :now, :by)"
)
_REMOVE = text(f"DELETE FROM pause WHERE scope = :scope AND name = :name AND origin = '{PauseOrigin.PERSON}'")
_BY_FILES = {
    PauseOrigin.FILE: 'its file pauses it: write `state = "active"` there, and apply it',
    PauseOrigin.RETIRED: 'it is retired: write `state = "active"` in its file, or put the file back, and apply it',
}
"""What lets something go on that no person has paused."""


@dataclass(frozen=True, slots=True)
class PauseMade:
    """What ``pause`` did: the standing pause, and whether it is new."""

    pause: StandingPause
    new: bool


def pause(connection: Connection, subject: Subject, hand: Hand, now: Instant) -> PauseMade:
    """Pause ``subject`` as of the commit; one that is paused already stays as it is, and nothing is recorded."""
    before = _locked(connection, subject)
    if before is not None and before.command != "cancel":
        return PauseMade(before, new=False)
    by = record(connection, hand, "pause", str(subject), now)
    connection.execute(_REMOVE, {"scope": subject.scope, "name": subject.name})
    connection.execute(_ADD, {"scope": subject.scope, "name": subject.name, "now": now, "by": by})
    made = StandingPause(subject, PauseOrigin.PERSON, now, by, hand.who, hand.why, "pause")
    return PauseMade(made, new=True)


def resume(
    connection: Connection, subject: Subject, hand: Hand, now: Instant, *, dry_run: bool = False
) -> StandingPause:
    """Resume ``subject`` as of the commit; return the pause that it ends. With ``dry_run`` nothing is written.

    A pause by the playbook's file stays.

    Raises:
        InputError: no person has paused it; the error says what lets it go on if its file has.
    """
    before = _locked(connection, subject)
    if before is None:
        by_files = still_stopped(connection, subject)
        if by_files is not None:
            raise InputError(f"{subject} is not paused by hand; {by_files}")
        raise InputError(f"{subject} is not paused; {_what_is(connection)}")
    if dry_run:
        return before
    record(connection, hand, "resume", str(subject), now)
    connection.execute(_REMOVE, {"scope": subject.scope, "name": subject.name})
    if subject.scope is SubjectScope.ADAPTER:  # where it shares its channel with others, its messages wait for a while
        due_at_once(connection, DeliveryReason.PAUSED, now)
    return before


def pause_until_cancelled(connection: Connection, subject: Subject, by: int, now: Instant) -> None:
    """Pause ``subject`` for the time that the intervention ``by`` cancels it, unless a person has paused it.

    It takes over the pause of a cancellation that was interrupted.
    """
    before = _locked(connection, subject)
    if before is not None and before.command != "cancel":
        return
    connection.execute(_REMOVE, {"scope": subject.scope, "name": subject.name})
    connection.execute(_ADD, {"scope": subject.scope, "name": subject.name, "now": now, "by": by})


def resume_after_cancelling(connection: Connection, subject: Subject, by: int) -> None:
    """End the pause that the intervention ``by`` needed, unless a person has paused ``subject`` since."""
    found = _locked(connection, subject)
    if found is not None and found.intervention == by:
        connection.execute(_REMOVE, {"scope": subject.scope, "name": subject.name})


def _locked(connection: Connection, subject: Subject) -> StandingPause | None:
    """Return a person's pause of ``subject``, if any, and keep others from changing what is paused."""
    dialect_of(connection).lock_table(connection, "pause")
    return next((one for one in _of(connection, subject) if one.origin is PauseOrigin.PERSON), None)


def still_stopped(connection: Connection, subject: Subject) -> str | None:
    """Return that files stop ``subject`` whatever people do, and what to change; None if they do not."""
    origins = {one.origin for one in _of(connection, subject)} - {PauseOrigin.PERSON}
    said = [_BY_FILES[origin] for origin in _BY_FILES if origin in origins]
    return said[-1] if said else None


def _of(connection: Connection, subject: Subject) -> list[StandingPause]:
    return [one for one in standing_pauses(connection) if one.subject == subject]


def _what_is(connection: Connection) -> str:
    names = ", ".join(dict.fromkeys(str(one.subject) for one in standing_pauses(connection)))
    return f"paused: {names}" if names else "nothing is paused"
