"""The users' stage: those who are due, newest information first, then the ranges of an open sweep.

Users are processed in chunks, with one transaction each, so a placement, the transition that records it and the enrolment
that follows are committed together or not at all. If a tick stops, the remaining users stay due, and the sweep goes on at its
cursor.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from engine.bad_rows import BadRowIsolation
from engine.clock import Instant
from engine.errors import StoreError
from engine.pipeline.held import HeldVersion
from engine.pipeline.progress import Progress, Watch
from engine.playbooks.breakers import PlaybookAtFault, PlaybookBreakers
from engine.playbooks.enrol import Enrol
from engine.playbooks.exits_and_waits import ExitsAndWaits
from engine.playbooks.occasions import Occasions
from engine.rules.evaluation import Evaluation
from engine.store.due import due_again, fold_news, take_due_users
from engine.store.quarantine import RowKind, forget
from engine.store.sweep import close_sweep, current_sweep, is_over, reach, take_range, wait_for_others
from engine.store.temporary import DUE_USER

_WORK_TO_DO = text(
    "SELECT EXISTS (SELECT 1 FROM user_due WHERE due_at <= :now) OR EXISTS (SELECT 1 FROM user_news)"
    " OR EXISTS (SELECT 1 FROM sweep WHERE finished_at IS NULL)"
)


class Chunk(Protocol):
    """Processes up to ``bad_rows.limit`` users; returns what it did, or None if there was nothing to do."""

    def __call__(self, connection: Connection, *, now: Instant, bad_rows: BadRowIsolation) -> Progress | None:
        """Do it in the caller's transaction."""
        ...


@dataclass(frozen=True, slots=True)
class Triggers:
    """What is asked about users after they were evaluated: the first parts of playbooks."""

    enrol: Enrol
    occasions: Occasions
    exits_and_waits: ExitsAndWaits
    breakers: PlaybookBreakers

    def run(self, connection: Connection, now: Instant) -> int:
        """Enrol the users of ``due_user``, and let them leave or go on; return how many enrolments were created."""
        made = self.enrol.run(connection, now) + self.occasions.catch_up(connection, now)
        self.exits_and_waits.run(connection, now)
        if (again := self.breakers.users_retry_at(now)) is not None:
            query = f"SELECT user_id, CAST(:again AS BIGINT) AS again FROM {DUE_USER}"
            due_again(connection, query, {"again": again, "now": now})
        return made


class UserStage:
    """Evaluates users."""

    def __init__(self, store: HeldVersion, evaluation: Evaluation, triggers: Triggers, chunk: int) -> None:
        self._store = store
        self._evaluation = evaluation
        self._triggers = triggers
        self._chunk = chunk

    def run(self, now: Instant, done: Progress, watch: Watch) -> Progress:
        """Evaluate everybody who is due at ``now``, and finish an open sweep.

        Raises:
            VersionReplaced: another version is running.
        """
        due = BadRowIsolation(self._store, RowKind.USER, "users", self._chunk)
        swept = BadRowIsolation(self._store, RowKind.USER, "users", self._chunk)
        while self._work_to_do(now):
            did = self._attempt(self._due_chunk, due, now)
            if did is None:
                did = self._attempt(self._sweep_chunk, swept, now)
            if did is None:
                break
            done = _sum(done, did, due.number + swept.number)
            watch(done)
        return replace(done, quarantined=due.number + swept.number)

    def _work_to_do(self, now: Instant) -> bool:
        with self._store.read() as connection:
            return bool(connection.execute(_WORK_TO_DO, {"now": now}).scalar())

    def _attempt(self, chunk: Chunk, bad_rows: BadRowIsolation, now: Instant) -> Progress | None:
        """Process one chunk; after an error that can be isolated, it did nothing, and there is still something to do."""
        try:
            did = self._store.in_transaction(partial(chunk, now=now, bad_rows=bad_rows))
        except PlaybookAtFault as fault:
            self._triggers.breakers.fail(fault, now)
            return Progress()
        except (StoreError, DBAPIError) as error:
            if bad_rows.failed(error, now):
                raise
            return Progress()
        if did is not None:
            bad_rows.worked()
        return did

    def _due_chunk(self, connection: Connection, *, now: Instant, bad_rows: BadRowIsolation) -> Progress | None:
        dialect = self._store.dialect
        fold_news(connection, dialect, now)
        users = take_due_users(connection, dialect, now, bad_rows.limit)
        if not users:
            return None
        if users == 1:
            bad_rows.suspect = connection.execute(text(f"SELECT user_id FROM {DUE_USER}")).scalar_one()
        transitions = self._evaluation.evaluate(connection, now, users)
        enrolments = self._triggers.run(connection, now)
        forget(connection, RowKind.USER, f"SELECT user_id FROM {DUE_USER}")
        return Progress(users, transitions, enrolments)

    def _sweep_chunk(self, connection: Connection, *, now: Instant, bad_rows: BadRowIsolation) -> Progress | None:
        sweep = current_sweep(connection)
        if sweep is None:
            return None
        users = take_range(connection, sweep, bad_rows.limit)
        if users is None:
            if is_over(connection, sweep):
                close_sweep(connection, sweep)
            else:
                wait_for_others(connection, sweep)
            return Progress()
        if users.high - users.low == 1:
            bad_rows.suspect = users.low
        transitions = self._evaluation.sweep(connection, sweep, users, now)
        asked = connection.execute(text(f"SELECT count(*) FROM {DUE_USER}")).scalar_one()
        enrolments = self._triggers.run(connection, now) if asked else 0
        reach(connection, sweep, users)
        return Progress(asked, transitions, enrolments)


def _sum(done: Progress, did: Progress, quarantined: int) -> Progress:
    return replace(
        done,
        users=done.users + did.users,
        transitions=done.transitions + did.transitions,
        enrolments=done.enrolments + did.enrolments,
        quarantined=quarantined,
    )
