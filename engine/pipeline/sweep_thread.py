"""One thread that works on an open sweep: it looks at a range of users, and writes what differs when it is its turn."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, text

from engine.clock import Instant
from engine.pipeline.chunks import Chunks
from engine.pipeline.progress import Progress, add
from engine.pipeline.triggers import Triggers
from engine.rules.swept import RangeEvaluation
from engine.store.sweep import (
    OpenSweep,
    UserRange,
    close_sweep,
    current_sweep,
    is_over,
    reach,
    take_range,
    wait_for_others,
)
from engine.store.temporary import DUE_USER

_FIRST = 2_000
"""Users of the first chunk of a sweep: the situations that nearly everybody is in are then known before the large ones."""
_NEWEST_TICK = text("SELECT at FROM tick ORDER BY id DESC LIMIT 1")


class SharedRanges:
    """What the threads of one process know of each other: the ranges that they have, and whose turn it is to write."""

    def __init__(self) -> None:
        self.order = threading.Lock()
        """Held while writing."""
        self.has_swept = False
        """Whether any of them has finished a chunk."""
        self._lock = threading.Lock()
        self._taken: dict[int, int] = {}

    def take(self, connection: Connection, sweep: OpenSweep, limit: int, thread: int) -> UserRange | None:
        """Take users for ``thread``, instead of those that it had; None if all are reached or taken."""
        with self._lock:
            self._taken.pop(thread, None)
            users = take_range(connection, sweep, limit, self._taken.values())
            if users is not None:
                self._taken[thread] = users.start
        return users

    def leave(self, thread: int) -> None:
        """Note that ``thread`` works on no range any more."""
        with self._lock:
            self._taken.pop(thread, None)

    @property
    def in_work(self) -> bool:
        """Whether any thread works on a range."""
        with self._lock:
            return bool(self._taken)


@dataclass(frozen=True, slots=True)
class _Looked:
    """What was looked at; ``users`` is None if no range was free."""

    sweep: OpenSweep
    users: UserRange | None
    now: Instant


@dataclass(frozen=True, slots=True)
class Worked:
    """What a thread has done, None if there was nothing to do; and the error at which it stopped, if there was one."""

    done: Progress | None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class SweepThread:
    """Works on ranges one after the other."""

    number: int
    ranges: SharedRanges
    evaluation: RangeEvaluation
    triggers: Triggers
    chunks: Chunks
    now: Instant

    def work(self, stop: Callable[[], bool]) -> Worked:
        """Work until ``stop``, or nothing is left for this thread."""
        done: Progress | None = None
        try:
            while (did := self.chunks.look_then_run(self._look, self._write, self.ranges.order)) is not None:
                done = add(done or Progress(), did)
                if stop():
                    break
        except Exception as error:  # noqa: BLE001 - whoever waits for the thread raises it
            return Worked(done, error)
        finally:
            self.ranges.leave(self.number)
        return Worked(done)

    def _look(self, connection: Connection) -> _Looked | None:
        sweep = current_sweep(connection)
        if sweep is None:
            return None
        # Another worker's tick that began later may have evaluated some of these users: they must not go back in time.
        now = Instant(max(self.now, connection.execute(_NEWEST_TICK).scalar() or self.now))
        limit = self.chunks.limit if self.ranges.has_swept else min(self.chunks.limit, _FIRST)
        users = self.ranges.take(connection, sweep, limit, self.number)
        if users is not None:
            if users.high - users.low == 1:
                self.chunks.suspect(users.low)
            self.evaluation.look(connection, sweep, users, now)
        elif not self.ranges.in_work:
            wait_for_others(connection, sweep)
        return _Looked(sweep, users, now)

    def _write(self, connection: Connection, looked: _Looked | None) -> tuple[int, Progress | None]:
        if looked is None:
            return 0, None
        if looked.users is None:
            return 0, self._end(connection, looked.sweep)
        if not reach(connection, looked.sweep, looked.users):
            return 0, Progress()
        transitions = self.evaluation.write(connection, looked.sweep, looked.users, looked.now)
        asked = connection.execute(text(f"SELECT count(*) FROM {DUE_USER}")).scalar_one()
        enrolments = self.triggers.run(connection, looked.now) if asked else 0
        self.ranges.has_swept = True
        return looked.users.high - looked.users.low, Progress(asked, transitions, enrolments)

    def _end(self, connection: Connection, sweep: OpenSweep) -> Progress | None:
        """Close the sweep if all are reached; return None if other threads still work on it, who will do so."""
        if self.ranges.in_work:
            return None
        if is_over(connection, sweep):
            close_sweep(connection, sweep)
        return Progress()
