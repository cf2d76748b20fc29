"""The users' stage: those who are due, newest information first, then the ranges of an open sweep.

Users are processed in chunks, with one transaction each, so a placement, the transition that records it and the enrolment
that follows are committed together or not at all. If a tick stops, the remaining users stay due, and the sweep goes on at its
cursor.
"""

from dataclasses import replace
from functools import partial

from sqlalchemy import Connection, text

from engine.bad_rows import BadRowIsolation
from engine.clock import Instant
from engine.pipeline.chunks import Chunks
from engine.pipeline.held import HeldVersion
from engine.pipeline.progress import ChunkSettings, Progress, Watch, add
from engine.pipeline.sweeping import SweepWork
from engine.pipeline.triggers import Triggers
from engine.rules.evaluation import Evaluation
from engine.store.due import take_due_users
from engine.store.news import fold_news, newest_news
from engine.store.quarantine import RowKind, forget
from engine.store.temporary import DUE_USER

_DUE = "EXISTS (SELECT 1 FROM user_due WHERE due_at <= :now) OR EXISTS (SELECT 1 FROM user_news WHERE id <= :newest)"
_SOMEONE_DUE = text(f"SELECT {_DUE}")
_WORK_TO_DO = text(f"SELECT {_DUE} OR EXISTS (SELECT 1 FROM sweep WHERE finished_at IS NULL)")


class UserStage:
    """Evaluates users."""

    def __init__(self, store: HeldVersion, evaluation: Evaluation, triggers: Triggers, settings: ChunkSettings) -> None:
        self._store = store
        self._evaluation = evaluation
        self._triggers = triggers
        self._chunk = settings.users
        self._due_pace = store.pace(settings.users)
        self._sweeping = SweepWork(store, evaluation.of_range, triggers, settings)

    def run(self, now: Instant, done: Progress, watch: Watch) -> Progress:
        """Evaluate everybody who is due at ``now``, and finish an open sweep.

        Raises:
            VersionReplaced: another version is running.
        """
        due = Chunks(self._store, self._due_pace, BadRowIsolation(self._store, RowKind.USER, "users", self._chunk))
        before = done.quarantined
        with self._store.read() as connection:
            newest = newest_news(connection)
        with self._sweeping.threads(now) as sweeping:

            def note(did: Progress | None) -> None:
                nonlocal done
                if did is not None:
                    done = replace(add(done, did), quarantined=before + due.quarantined + sweeping.quarantined)
                    watch(done)

            while self._work_to_do(now, newest):
                limit = due.limit
                note(did := self._attempt(due, now, newest))
                # New information goes first, but a trickle of it does not hold up the sweep.
                if did is None or did.users < limit:
                    note(also := sweeping.work(partial(self._someone_is_due, now, newest)))
                    if did is None and also is None:
                        break
        return done

    def _work_to_do(self, now: Instant, newest: int) -> bool:
        with self._store.read() as connection:
            return bool(connection.execute(_WORK_TO_DO, {"now": now, "newest": newest}).scalar())

    def _someone_is_due(self, now: Instant, newest: int) -> bool:
        with self._store.read() as connection:
            return bool(connection.execute(_SOMEONE_DUE, {"now": now, "newest": newest}).scalar())

    def _attempt(self, chunks: Chunks, now: Instant, newest: int) -> Progress | None:
        return self._triggers.attempt(lambda: chunks.run(partial(self._due_chunk, chunks, now, newest)), chunks, now)

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
