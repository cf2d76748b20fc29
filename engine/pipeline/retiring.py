"""The stage of retired playbooks: what they had planned is held, cancelled, or goes on, chunk by chunk.

It costs a few probes while no playbook is paused by its file, retired or gone. If a tick ends in the middle, the next one
looks for what is left.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Protocol

from sqlalchemy import Connection

from engine.actions.calling_off import cancellable, held_for, holdable, let_go_on
from engine.clock import Instant
from engine.incentives.reasons import CouponReason
from engine.pipeline.held import HeldVersion
from engine.pipeline.progress import Progress, Watch
from engine.playbooks.by_hand import active_enrolments
from engine.playbooks.reasons import PlaybookReason
from engine.playbooks.retiring import (
    Files,
    cancel_actions,
    end_enrolments,
    follow_files,
    hold,
    needs_following,
    note_held,
    note_over,
    note_released,
    subject_of,
)
from engine.store.paused import Retirement, stopped_by_files


class _Change(Protocol):
    """Changes those of some rows that are still as they were found; returns how many."""

    def __call__(self, connection: Connection, rows: list[int], now: Instant) -> int: ...


class RetireStage:
    """Holds, cancels and releases what retired playbooks had planned."""

    def __init__(self, store: HeldVersion, files: Files, chunk: int) -> None:
        """``chunk`` is how many rows one transaction changes."""
        self._chunk = chunk
        self._store = store
        self._files = files

    def run(self, now: Instant, done: Progress, watch: Watch) -> Progress:
        """Do what is due at ``now``; stops at the next chunk if ``watch`` raises."""
        with self._store.read() as connection:
            stopped = stopped_by_files(connection)
            follow = needs_following(connection, self._files, stopped, now)
        if follow:
            self._store.in_transaction(partial(follow_files, files=self._files, now=now))
            with self._store.read() as connection:
                stopped = stopped_by_files(connection)
        for one in stopped.retirements:
            for _ in self._changes(one, now):
                watch(done)
        return done

    def _changes(self, one: Retirement, now: Instant) -> Iterator[int]:
        if one.cancel_at is None:
            return self._release(one.playbook, now)
        if one.cancel_at <= now:
            return self._cancel(one.playbook, now)
        return self._hold(one.playbook, now) if one.held_at is None else iter(())

    def _hold(self, playbook: str, now: Instant) -> Iterator[int]:
        with self._store.read() as connection:
            found = holdable(connection, subject_of(playbook), PlaybookReason.RETIRED)
        yield from self._in_chunks(hold, found, now)
        self._store.in_transaction(partial(note_held, playbook=playbook, now=now))

    def _cancel(self, playbook: str, now: Instant) -> Iterator[int]:
        with self._store.read() as connection:
            enrolments = active_enrolments(connection, playbook)
        yield from self._in_chunks(end_enrolments, enrolments, now)
        with self._store.read() as connection:
            actions = cancellable(connection, subject_of(playbook))
        yield from self._in_chunks(cancel_actions, actions, now)
        self._store.in_transaction(partial(note_over, playbook=playbook))

    def _release(self, playbook: str, now: Instant) -> Iterator[int]:
        with self._store.read() as connection:
            found = held_for(connection, playbook, PlaybookReason.RETIRED)
        yield from self._in_chunks(_go_on, found, now)
        self._store.in_transaction(partial(note_released, playbook=playbook))

    def _in_chunks(self, change: _Change, rows: Sequence[int], now: Instant) -> Iterator[int]:
        for start in range(0, len(rows), self._chunk):
            chunk = list(rows[start : start + self._chunk])
            yield self._store.in_transaction(partial(change, rows=chunk, now=now))


def _go_on(connection: Connection, rows: list[int], now: Instant) -> int:
    return let_go_on(connection, rows, PlaybookReason.RETIRED, CouponReason.POOL_EMPTY, now)
