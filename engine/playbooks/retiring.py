"""Playbooks whose files pause or retire them, or have vanished: the table ``pause`` follows the files.

A retirement that cancels is a pause with an instant at which what waits is cancelled; ticks do that, and hold it until
then (``engine.pipeline.retiring``). If the playbook comes back before, what was held is released, and the pause ends.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

from engine.actions.calling_off import (
    CallOff,
    call_off,
    cancellable,
    held_for,
    holdable,
    playbooks_holding,
    with_workers,
)
from engine.actions.states import State
from engine.clock import Instant
from engine.playbooks.by_hand import active_enrolments, cancel_enrolments
from engine.playbooks.reasons import PlaybookReason
from engine.playbooks.standing import FileState, Heads, NotActive, not_active
from engine.store.dialects import dialect_of
from engine.store.paused import PauseOrigin, Retirement, StoppedByFiles, Subject, SubjectScope, stopped_by_files

_OURS = f"scope = '{SubjectScope.PLAYBOOK}' AND name = :name AND origin = :origin"
_ADD = text(
    "INSERT INTO pause (scope, name, origin, since, cancel_at)"
    f" VALUES ('{SubjectScope.PLAYBOOK}', :name, :origin, :now, :cancel_at)"
)
_REMOVE = text(f"DELETE FROM pause WHERE {_OURS}")
_CANCEL_AT = text(f"UPDATE pause SET since = :since, cancel_at = :cancel_at, held_at = :held_at WHERE {_OURS}")
_RELEASE = text(f"UPDATE pause SET cancel_at = NULL, held_at = coalesce(held_at, :now) WHERE {_OURS}")
_HELD = text(f"UPDATE pause SET held_at = :now WHERE {_OURS}")
_LOOK_AGAIN = text(
    f"UPDATE pause SET held_at = NULL WHERE origin = '{PauseOrigin.RETIRED}' AND cancel_at IS NOT NULL AND held_at IS NOT NULL"
)


@dataclass(frozen=True, slots=True)
class Files:
    """The files that run, or are to run."""

    heads: Heads
    before: Heads | None
    """The heads of the files that ran before them; None if these run already."""
    hold_vanished: int
    """How many milliseconds what a vanished playbook had planned is held before it is cancelled."""

    def cancel_at(self, one: NotActive, now: Instant) -> Instant:
        """Return when what ``one`` had planned is cancelled, if it is retired from now on."""
        return Instant(now + self.hold_vanished) if one.state is FileState.VANISHED else now


@dataclass(frozen=True, slots=True)
class _Following:
    """How the table ``pause`` has to change."""

    paused: frozenset[str]
    resumed: frozenset[str]
    retired: Mapping[str, Instant]
    """Playbook -> when what it had planned is cancelled."""
    later: Mapping[str, Retirement]
    """Those that are to be cancelled at another time, or after all: as they are to be."""
    back: frozenset[str]
    """Those that are not retired any more."""

    def __bool__(self) -> bool:
        return any((self.paused, self.resumed, self.retired, self.later, self.back))


def needs_following(connection: Connection, files: Files, stopped: StoppedByFiles, now: Instant) -> bool:
    """Tell whether ``follow_files`` would change anything about what is ``stopped`` now."""
    return bool(_following(connection, files, stopped, now))


def follow_files(connection: Connection, files: Files, now: Instant) -> None:
    """Pause, retire and bring back playbooks as ``files`` say, as of the commit."""
    dialect_of(connection).lock_table(connection, "pause")
    found = _following(connection, files, stopped_by_files(connection), now)
    for name in found.paused:
        connection.execute(_ADD, {"name": name, "origin": PauseOrigin.FILE, "now": now, "cancel_at": None})
    for name in found.resumed:
        connection.execute(_REMOVE, {"name": name, "origin": PauseOrigin.FILE})
    retired = PauseOrigin.RETIRED
    for name, at in found.retired.items():
        connection.execute(_ADD, {"name": name, "origin": retired, "now": now, "cancel_at": at})
    for name, one in found.later.items():
        binds = {
            "name": name,
            "origin": retired,
            "since": one.since,
            "cancel_at": one.cancel_at,
            "held_at": one.held_at,
        }
        connection.execute(_CANCEL_AT, binds)
    for name in found.back:
        connection.execute(_RELEASE, {"name": name, "origin": retired, "now": now})


def _following(connection: Connection, files: Files, stopped: StoppedByFiles, now: Instant) -> _Following:
    found = not_active(connection, files.heads, files.before, stopped)
    pausing = frozenset(one.name for one in found if one.state is FileState.PAUSED)
    known = {one.playbook: one for one in stopped.retirements}
    wanted = {one.name: files.cancel_at(one, now) for one in found if one.cancels}
    due = {one.name for one in found if one.cancels and (one.newly or one.enrolled)}
    moved = {name: _sooner(known[name], at, now) for name, at in wanted.items() if name in known}
    return _Following(
        paused=pausing - stopped.paused,
        resumed=stopped.paused - pausing,
        retired={name: wanted[name] for name in due - known.keys()},
        later={name: one for name, one in moved.items() if one != known[name]},
        back=frozenset(name for name, one in known.items() if name not in wanted and one.cancel_at is not None),
    )


def _sooner(known: Retirement, cancel_at: Instant, now: Instant) -> Retirement:
    """Return the retirement with the earlier of both instants. One that was being taken back begins anew."""
    if known.cancel_at is None:
        return Retirement(known.playbook, now, cancel_at, None)
    return Retirement(known.playbook, known.since, min(known.cancel_at, cancel_at), known.held_at)


def look_again(connection: Connection, now: Instant, playbooks: Iterable[str] = ()) -> None:
    """Have the next tick look at what is retired, because messages have been put back into states that they had before.

    Until then nothing of it is sent. What is held although its playbook's retirement is over, is held, cancelled or goes on
    as the files say then; so are the messages of ``playbooks``.
    """
    dialect_of(connection).lock_table(connection, "pause")
    connection.execute(_LOOK_AGAIN)
    known = {one.playbook for one in stopped_by_files(connection).retirements}
    for name in sorted({*playbooks, *playbooks_holding(connection, PlaybookReason.RETIRED)} - known):
        connection.execute(_ADD, {"name": name, "origin": PauseOrigin.RETIRED, "now": now, "cancel_at": None})


def called_off_since(connection: Connection, since: Instant) -> list[str]:
    """Return the playbooks of which messages were held or cancelled later than ``since`` because they were retired."""
    query = text(
        "SELECT DISTINCT a.playbook FROM action_event AS v JOIN action AS a ON a.id = v.action_id"
        " WHERE v.at > :since AND v.reason = :reason ORDER BY a.playbook"
    )
    return list(connection.execute(query, {"since": since, "reason": PlaybookReason.RETIRED.value}).scalars())


def take_back_retirements(connection: Connection, since: Instant) -> int:
    """Date back what files paused and retired later than ``since``, by a clock that was ahead; return how many pauses.

    How long it is held does not change, and messages that have been taken back are held again.
    """
    later = f"origin <> '{PauseOrigin.PERSON}' AND (since > :since OR held_at > :since)"
    dated = text(
        "UPDATE pause SET since = CASE WHEN since > :since THEN :since ELSE since END, held_at = NULL,"
        " cancel_at = CASE WHEN since > :since THEN cancel_at - since + :since ELSE cancel_at END"
        f" WHERE {later}"
    )
    return connection.execute(dated, {"since": since}).rowcount


# --- what ticks do, in chunks ----------------------------------------------------------------------------------------


def subject_of(playbook: str) -> Subject:
    """Return the playbook as what is paused."""
    return Subject(SubjectScope.PLAYBOOK, playbook)


def hold(connection: Connection, rows: list[int], now: Instant) -> int:
    """Hold those of the actions ``rows`` that have not been handed off; return how many."""
    return len(call_off(connection, rows, CallOff(State.HELD, PlaybookReason.RETIRED), now))


def cancel_actions(connection: Connection, rows: list[int], now: Instant) -> int:
    """Cancel those of the actions ``rows`` that have not been handed off; return how many."""
    return len(call_off(connection, rows, CallOff(State.CANCELLED, PlaybookReason.RETIRED), now))


def end_enrolments(connection: Connection, rows: list[int], now: Instant) -> int:
    """End those of the enrolments ``rows`` that are active; return how many."""
    return cancel_enrolments(connection, rows, PlaybookReason.RETIRED, now)


def note_held(connection: Connection, playbook: str, now: Instant) -> bool:
    """Note that all messages of ``playbook`` are held, if that is so; return whether it is.

    While a worker has any, it may come back.
    """
    dialect_of(connection).lock_table(connection, "pause")  # nobody may put messages back meanwhile: see look_again
    if with_workers(connection, playbook) or holdable(connection, subject_of(playbook), PlaybookReason.RETIRED):
        return False
    connection.execute(_HELD, {"name": playbook, "origin": PauseOrigin.RETIRED, "now": now})
    return True


def note_over(connection: Connection, playbook: str) -> bool:
    """End the retirement of ``playbook`` if nothing of it is left that could be cancelled; return whether that is so."""
    left = with_workers(connection, playbook) or active_enrolments(connection, playbook)
    if left or cancellable(connection, subject_of(playbook)):
        return False
    end_retirement(connection, playbook)
    return True


def note_released(connection: Connection, playbook: str) -> bool:
    """End the retirement of ``playbook`` if nothing is held because of it any more; return whether that is so."""
    if held_for(connection, playbook, PlaybookReason.RETIRED):
        return False
    end_retirement(connection, playbook)
    return True


def end_retirement(connection: Connection, playbook: str) -> None:
    """End the retirement of ``playbook``: nothing of it is stopped any more."""
    connection.execute(_REMOVE, {"name": playbook, "origin": PauseOrigin.RETIRED})
