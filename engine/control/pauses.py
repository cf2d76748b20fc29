"""Pausing and resuming: nothing of what is paused is sent, nothing is lost, and it goes on where it was."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from engine.clock import Instant
from engine.control.interventions import Hand, record
from engine.errors import InputError
from engine.store.dialects import dialect_of
from engine.store.paused import StandingPause, Subject, standing_pauses

_ADD = text("INSERT INTO pause (scope, name, since, intervention_id) VALUES (:scope, :name, :now, :by)")
_REMOVE = text("DELETE FROM pause WHERE scope = :scope AND name = :name")


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
    return PauseMade(StandingPause(subject, now, by, hand.who, hand.why, "pause"), new=True)


def resume(
    connection: Connection, subject: Subject, hand: Hand, now: Instant, *, dry_run: bool = False
) -> StandingPause:
    """Resume ``subject`` as of the commit; return the pause that it ends. With ``dry_run`` nothing is written.

    Raises:
        InputError: it is not paused.
    """
    before = _locked(connection, subject)
    if before is None:
        raise InputError(f"{subject} is not paused; {_what_is(connection)}")
    if dry_run:
        return before
    record(connection, hand, "resume", str(subject), now)
    connection.execute(_REMOVE, {"scope": subject.scope, "name": subject.name})
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
    """Return the pause of ``subject``, if any, and keep others from changing what is paused."""
    dialect_of(connection).lock_table(connection, "pause")
    return next((one for one in standing_pauses(connection) if one.subject == subject), None)


def _what_is(connection: Connection) -> str:
    names = ", ".join(str(one.subject) for one in standing_pauses(connection))
    return f"paused: {names}" if names else "nothing is paused"
