"""Cancelling what waits: messages that have not been sent and, for a playbook, the users who are in it.

What is cancelled is paused meanwhile, so that workers give back what they have claimed or handed off. It is done in
chunks: an interruption leaves it paused, and the same command goes on.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from engine.actions.calling_off import (
    being_sent,
    cancel_by_hand,
    cancellable,
    last_restored,
    restorable,
    restore,
    states_of,
)
from engine.actions.reasons import LedgerReason
from engine.actions.states import WAITING, State
from engine.clock import Instant
from engine.control.interventions import Hand, PastIntervention, Undoer, add_count, record
from engine.control.pauses import pause_until_cancelled, resume_after_cancelling
from engine.errors import InputError
from engine.incentives.reasons import CouponReason
from engine.playbooks.by_hand import active_enrolments, cancel_enrolments, cancelled_enrolments, restore_enrolments
from engine.store.database import Transactions
from engine.store.paused import Subject, SubjectScope

COMMAND = "cancel"
CHUNK = 1_000
"""Rows cancelled in one transaction."""
ROUNDS = 40
"""How often ``cancel`` looks again whether workers have given back what they had handed off."""
_NAMED = 5
"""How many actions the record names one by one."""
_OPEN = frozenset({*WAITING, State.HELD, State.CLAIMED})
_ALL = 2**31
"""More rows than there are."""


@dataclass(frozen=True, slots=True)
class CancelCounts:
    """How many messages and enrolments were cancelled, or would be."""

    messages: int
    enrolments: int
    being_sent: int
    """Messages that were being sent, and could not be called off any more."""
    intervention: int | None = None
    """None if nothing was written."""


def would_cancel(connection: Connection, subject: Subject, now: Instant) -> CancelCounts:
    """Return what ``cancel`` would do. Nothing is written."""
    enrolments = active_enrolments(connection, subject.name) if subject.scope is SubjectScope.PLAYBOOK else []
    messages, sending = cancellable(connection, subject), being_sent(connection, subject, now)
    return CancelCounts(len(messages), len(enrolments), sending)


def cancel(
    database: Transactions,
    subject: Subject,
    hand: Hand,
    now: Instant,
    *,
    wait: Callable[[], object],
    watch: Callable[[int], object] = lambda _: None,
) -> CancelCounts:
    """Cancel the messages of ``subject`` that have not been sent and, if it is a playbook, its active enrolments.

    ``wait`` pauses a moment while workers give back what they have handed off; ``watch`` is told after each chunk how
    many rows it cancelled. If there is nothing to cancel, nothing is written.
    """
    with database.read() as connection:
        found = would_cancel(connection, subject, now)
    if not (found.messages or found.enrolments or found.being_sent):
        return found
    by = database.in_transaction(partial(_begin, subject=subject, hand=hand, now=now))
    work = _Work(database, subject, by, now, watch)
    enrolments = work.cancel_enrolments()
    messages = work.cancel_messages()
    rounds = 0
    while (sending := work.being_sent()) and rounds < ROUNDS:
        wait()
        messages += work.cancel_messages()
        rounds += 1
    messages += work.cancel_messages()  # what came back since the last time
    database.in_transaction(partial(resume_after_cancelling, subject=subject, by=by))
    return CancelCounts(messages, enrolments, sending, by)


def would_cancel_actions(connection: Connection, actions: Sequence[int]) -> CancelCounts:
    """Return what ``cancel_actions`` would do. Nothing is written.

    Raises:
        InputError: one of them does not exist.
    """
    states = states_of(connection, actions)
    unknown = sorted(set(actions) - states.keys())
    if unknown:
        raise InputError(f"no such action: {unknown[0]}; the numbers are those of `habitue log --json`")
    open_ = sum(state in _OPEN for state in states.values())
    return CancelCounts(open_, 0, sum(state == State.HANDED_OFF for state in states.values()))


def cancel_actions(database: Transactions, actions: Sequence[int], hand: Hand, now: Instant) -> CancelCounts:
    """Cancel those of ``actions`` that have not been handed off. If there are none, nothing is written.

    Raises:
        InputError: one of them does not exist.
    """
    with database.read() as connection:
        found = would_cancel_actions(connection, actions)
    if not found.messages:
        return found

    def work(connection: Connection) -> CancelCounts:
        named = ", ".join(str(action) for action in sorted(set(actions))[:_NAMED])
        more = f" and {len(set(actions)) - _NAMED} more" if len(set(actions)) > _NAMED else ""
        by = record(connection, hand, COMMAND, f"action {named}{more}", now)
        cancelled = len(cancel_by_hand(connection, sorted(set(actions)), by, now))
        add_count(connection, by, cancelled)
        return CancelCounts(cancelled, 0, found.being_sent + found.messages - cancelled, by)

    return database.in_transaction(work)


@dataclass(frozen=True, slots=True)
class _Work:
    """One cancellation: the intervention ``by`` cancels ``subject``, chunk by chunk."""

    database: Transactions
    subject: Subject
    by: int
    now: Instant
    watch: Callable[[int], object]

    def cancel_enrolments(self) -> int:
        """Cancel the active enrolments of the playbook, if it is one; return how many."""
        if self.subject.scope is not SubjectScope.PLAYBOOK:
            return 0
        with self.database.read() as connection:
            found = active_enrolments(connection, self.subject.name)
        return sum(self._chunk(_cancel_enrolments, chunk) for chunk in _chunks(found))

    def cancel_messages(self) -> int:
        """Cancel what has not been handed off; return how many."""
        with self.database.read() as connection:
            found = cancellable(connection, self.subject)
        return sum(self._chunk(_cancel_messages, chunk) for chunk in _chunks(found))

    def being_sent(self) -> int:
        """Return how many messages workers have handed off and have no answer for yet."""
        with self.database.read() as connection:
            return being_sent(connection, self.subject, self.now)

    def _chunk(self, change: Callable[[Connection, Sequence[int], int, Instant], int], rows: Sequence[int]) -> int:
        def work(connection: Connection) -> int:
            changed = change(connection, rows, self.by, self.now)
            add_count(connection, self.by, changed)
            return changed

        changed = self.database.in_transaction(work)
        self.watch(changed)
        return changed


def _begin(connection: Connection, subject: Subject, hand: Hand, now: Instant) -> int:
    by = record(connection, hand, COMMAND, str(subject), now)
    pause_until_cancelled(connection, subject, by, now)
    return by


def _cancel_enrolments(connection: Connection, enrolments: Sequence[int], by: int, now: Instant) -> int:
    return cancel_enrolments(connection, enrolments, LedgerReason.CANCELLED_BY_HAND, now, by)


def _cancel_messages(connection: Connection, actions: Sequence[int], by: int, now: Instant) -> int:
    return len(cancel_by_hand(connection, actions, by, now))


def _chunks(rows: Sequence[int]) -> Iterator[Sequence[int]]:
    return (rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK))


def _undo(connection: Connection, done: PastIntervention, by: int, now: Instant, limit: int) -> int:
    if enrolments := cancelled_enrolments(connection, done.id, limit):
        return restore_enrolments(connection, enrolments)
    actions = restorable(connection, done.id, now, limit, last_restored(connection, by))
    return restore(connection, actions, by, CouponReason.POOL_EMPTY, now) if actions else 0


def _count(connection: Connection, done: PastIntervention, now: Instant) -> int:
    return len(cancelled_enrolments(connection, done.id, _ALL)) + len(restorable(connection, done.id, now, _ALL))


UNDO_CANCEL = Undoer(COMMAND, _undo, _count)
"""Enrolments are active again where they were; messages that have not expired wait again."""
