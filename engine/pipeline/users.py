"""The users' stage: those who are due, newest information first, then the ranges of an open sweep.

Users are processed in chunks, with one transaction each, so a placement, the transition that records it and the enrolment
that follows are committed together or not at all. If a tick stops, the remaining users stay due, and the sweep goes on at its
cursor.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from engine.bad_rows import BadRowIsolation
from engine.clock import Instant
from engine.errors import StoreError
from engine.pipeline.chunks import Chunks
from engine.pipeline.held import HeldVersion
from engine.pipeline.progress import Progress, Watch
from engine.playbooks.breakers import PlaybookAtFault, PlaybookBreakers
from engine.playbooks.enrol import Enrol
from engine.playbooks.exits_and_waits import ExitsAndWaits
from engine.playbooks.occasions import Occasions
from engine.rules.evaluation import Evaluation
from engine.store.due import due_again, take_due_users
from engine.store.news import fold_news, newest_news
from engine.store.pace import Pace
from engine.store.quarantine import RowKind, forget
from engine.store.sweep import close_sweep, current_sweep, is_over, reach, take_range, wait_for_others
from engine.store.temporary import DUE_USER

_WORK_TO_DO = text(
    "SELECT EXISTS (SELECT 1 FROM user_due WHERE due_at <= :now) OR EXISTS (SELECT 1 FROM user_news WHERE id <= :newest)"
    " OR EXISTS (SELECT 1 FROM sweep WHERE finished_at IS NULL)"
)

_NEWEST_TICK = text("SELECT at FROM tick ORDER BY id DESC LIMIT 1")
_FIRST = 2_000
"""Users of the first chunk of a sweep."""
Work = Callable[[Connection], tuple[int, Progress | None]]
"""Processes a chunk; returns how many users it had, and what it did, or None if there was nothing to do."""


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
        self._due_pace, self._sweep_pace = store.pace(chunk), store.pace(chunk)
        self._has_swept = False

    def run(self, now: Instant, done: Progress, watch: Watch) -> Progress:
        """Evaluate everybody who is due at ``now``, and finish an open sweep.

        Raises:
            VersionReplaced: another version is running.
        """
        due, swept = self._chunks(self._due_pace), self._chunks(self._sweep_pace)
        before = done.quarantined
        with self._store.read() as connection:
            newest = newest_news(connection)

        def note(did: Progress | None) -> None:
            nonlocal done
            if did is not None:
                done = _sum(done, did, before + due.quarantined + swept.quarantined)
                watch(done)

        while self._work_to_do(now, newest):
            limit = due.limit
            note(did := self._attempt(partial(self._due_chunk, due, now, newest), due, now))
            # New information goes first, but a trickle of it does not hold up the sweep.
            if did is None or did.users < limit:
                note(also := self._attempt(partial(self._sweep_chunk, swept, now), swept, now))
                if did is None and also is None:
                    break
        return done

    def _chunks(self, pace: Pace) -> Chunks:
        return Chunks(self._store, pace, BadRowIsolation(self._store, RowKind.USER, "users", self._chunk))

    def _work_to_do(self, now: Instant, newest: int) -> bool:
        with self._store.read() as connection:
            return bool(connection.execute(_WORK_TO_DO, {"now": now, "newest": newest}).scalar())

    def _attempt(self, work: Work, chunks: Chunks, now: Instant) -> Progress | None:
        """Process one chunk; after an error that can be isolated, nothing was done, and there is still something to do."""
        try:
            return chunks.run(work)
        except PlaybookAtFault as fault:
            self._triggers.breakers.fail(fault, now)
        except (StoreError, DBAPIError) as error:
            if chunks.failed(error, now):
                raise
        return Progress()

    def _due_chunk(
        self, chunks: Chunks, now: Instant, newest: int, connection: Connection
    ) -> tuple[int, Progress | None]:
        dialect = self._store.dialect
        folded = fold_news(connection, dialect, now, newest)
        users = take_due_users(connection, dialect, now, chunks.limit)
        if not users:
            # More news may wait, of users who are due now, behind as many of the future as are folded at once.
            return 0, Progress() if folded else None
        if users == 1:
            chunks.suspect(connection.execute(text(f"SELECT user_id FROM {DUE_USER}")).scalar_one())
        transitions = self._evaluation.evaluate(connection, now, users)
        enrolments = self._triggers.run(connection, now)
        forget(connection, RowKind.USER, f"SELECT user_id FROM {DUE_USER}")
        return users, Progress(users, transitions, enrolments)

    def _sweep_chunk(self, chunks: Chunks, now: Instant, connection: Connection) -> tuple[int, Progress | None]:
        sweep = current_sweep(connection)
        if sweep is None:
            return 0, None
        # Another worker's tick that began later may have evaluated some of these users: they must not go back in time.
        now = Instant(max(now, connection.execute(_NEWEST_TICK).scalar() or now))
        # The situations that nearly everybody is in are then known before the large chunks.
        limit = chunks.limit if self._has_swept else min(chunks.limit, _FIRST)
        users = take_range(connection, sweep, limit)
        if users is None:
            if is_over(connection, sweep):
                close_sweep(connection, sweep)
            else:
                wait_for_others(connection, sweep)
            return 0, Progress()
        if users.high - users.low == 1:
            chunks.suspect(users.low)
        transitions = self._evaluation.sweep(connection, sweep, users, now)
        asked = connection.execute(text(f"SELECT count(*) FROM {DUE_USER}")).scalar_one()
        enrolments = self._triggers.run(connection, now) if asked else 0
        reach(connection, sweep, users)
        self._has_swept = True
        return users.high - users.low, Progress(asked, transitions, enrolments)


def _sum(done: Progress, did: Progress, quarantined: int) -> Progress:
    return replace(
        done,
        users=done.users + did.users,
        transitions=done.transitions + did.transitions,
        enrolments=done.enrolments + did.enrolments,
        quarantined=quarantined,
    )
