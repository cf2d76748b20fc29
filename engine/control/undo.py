"""Undoing what a person did, in chunks: an undo that was interrupted goes on when it is asked for again."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from engine.clock import Instant, iso
from engine.control.cancelling import UNDO_CANCEL
from engine.control.interventions import Hand, PastIntervention, Undoer, add_count, past_intervention, record
from engine.control.releasing import UNDO_RELEASE
from engine.control.resolving import UNDO_RESOLVING
from engine.control.suppressing import UNDO_SUPPRESSING
from engine.errors import InputError
from engine.playbooks.retiring import look_again
from engine.store.database import Transactions
from engine.store.dialects import dialect_of

UNDOERS: tuple[Undoer, ...] = (UNDO_CANCEL, UNDO_RELEASE, *UNDO_RESOLVING, *UNDO_SUPPRESSING)
"""How interventions are undone, by command."""
CHUNK = 1_000
"""Rows undone in one transaction."""
_OTHERWISE = {
    "pause": "undo a pause with `habitue resume`",
    "resume": "undo a resume with `habitue pause`",
    "undo": "an undo is not undone itself: give the first command again",
}


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo did, or would do: the intervention ``done``, its own id (None if nothing was written), rows changed."""

    done: PastIntervention
    by: int | None
    count: int


def undo(
    database: Transactions, number: int, hand: Hand, now: Instant, watch: Callable[[int], object] = lambda _: None
) -> Undone:
    """Undo the intervention ``number``; ``watch`` is told after each chunk how many rows it changed.

    Raises:
        InputError: there is no such intervention, it cannot be undone, or nothing of it is left to undo.
    """
    undoer, done, left = _find(database, number, now)
    if not left:
        raise InputError(_nothing_left(database, done))
    by = database.in_transaction(partial(_begin, done=done, hand=hand, now=now))
    total = 0
    while changed := database.in_transaction(partial(_chunk, undoer=undoer, done=done, by=by, now=now)):
        total += changed
        watch(changed)
    return Undone(done, by, total)


def would_undo(database: Transactions, number: int, now: Instant) -> Undone:
    """Return what ``undo`` would do. Nothing is written.

    Raises:
        InputError: as ``undo``, except that nothing may be left to undo.
    """
    _, done, left = _find(database, number, now)
    return Undone(done, None, left)


def _find(database: Transactions, number: int, now: Instant) -> tuple[Undoer, PastIntervention, int]:
    with database.read() as connection:
        done = past_intervention(connection, number)
        if done is None:
            raise InputError(f"no such intervention: {number}; `habitue interventions` lists them")
        undoer = next((one for one in UNDOERS if one.command == done.command), None)
        if undoer is None:
            otherwise = _OTHERWISE.get(done.command, f"what `habitue {done.command}` did cannot be undone")
            raise InputError(f"intervention {number} was `{done.command} {done.subject}`: {otherwise}")
        return undoer, done, undoer.count(connection, done, now)


def _nothing_left(database: Transactions, done: PastIntervention) -> str:
    before = None
    if done.undone_by is not None:
        with database.read() as connection:
            before = past_intervention(connection, done.undone_by)
    said = f"nothing is left to undo of intervention {done.id} (`{done.command} {done.subject}`)"
    return said if before is None else f"{said}: it was undone at {iso(before.at)}{_by(before.who)}"


def _by(who: str | None) -> str:
    return f" by {who}" if who else ""


def _begin(connection: Connection, done: PastIntervention, hand: Hand, now: Instant) -> int:
    """Return the intervention that undoes ``done``: the one that has begun to, or a new one."""
    this = "SELECT i.id FROM intervention AS i WHERE i.id = :id ORDER BY i.id"
    dialect_of(connection).lock_selected(connection, this, "i", {"id": done.id})
    again = past_intervention(connection, done.id)
    if again is not None and again.undone_by is not None:
        return again.undone_by
    return record(connection, hand, "undo", f"{done.command} {done.subject}", now, undoes=done.id)


def _chunk(connection: Connection, undoer: Undoer, done: PastIntervention, by: int, now: Instant) -> int:
    dialect_of(connection).lock_table(connection, "pause")  # see look_again; it comes before the rows
    changed = undoer.undo(connection, done, by, now, CHUNK)
    if changed:
        add_count(connection, by, changed)
        look_again(connection, now)
    return changed
