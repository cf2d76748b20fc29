"""Working on an open sweep, in several threads: each looks at a range of its own, and they write one after the other.

Most of the work is looking. It holds up nobody, not even where only one transaction can write at a time.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial, reduce
from itertools import repeat
from typing import NoReturn

from engine.bad_rows import BadRowIsolation
from engine.clock import Instant
from engine.pipeline.chunks import Chunks
from engine.pipeline.held import HeldVersion
from engine.pipeline.progress import ChunkSettings, Progress, add
from engine.pipeline.sweep_thread import SharedRanges, SweepThread, Worked
from engine.pipeline.triggers import Triggers
from engine.rules.swept import RangeEvaluation
from engine.store.quarantine import RowKind
from engine.store.sweep import current_sweep

ROUND = 1.0
"""Seconds after which the threads report how far they are."""


class SweepWork:
    """Works on the sweeps of one version of the files."""

    def __init__(
        self, store: HeldVersion, evaluation: RangeEvaluation, triggers: Triggers, settings: ChunkSettings
    ) -> None:
        self._store = store
        self._evaluation = evaluation
        self._triggers = triggers
        self._chunk = settings.users
        self._paces = tuple(store.pace(settings.users) for _ in range(settings.sweep_threads))
        self._ranges = SharedRanges()

    @contextmanager
    def threads(self, now: Instant) -> Iterator["SweepThreads"]:
        """Open the threads for one tick; they start when there is a sweep."""
        bad_rows = BadRowIsolation(self._store, RowKind.USER, "users", self._chunk)
        threads = [
            SweepThread(
                number, self._ranges, self._evaluation, self._triggers, Chunks(self._store, pace, bad_rows), now
            )
            for number, pace in enumerate(self._paces)
        ]
        with ThreadPoolExecutor(len(threads), thread_name_prefix="habitue-sweep") as pool:
            yield SweepThreads(self._store, threads, bad_rows, pool)


class SweepThreads:
    """The threads of one tick."""

    def __init__(
        self, store: HeldVersion, threads: Sequence[SweepThread], bad_rows: BadRowIsolation, pool: ThreadPoolExecutor
    ) -> None:
        self._store = store
        self._threads = threads
        self._bad_rows = bad_rows
        self._pool = pool

    @property
    def quarantined(self) -> int:
        """How many rows were quarantined."""
        return self._bad_rows.number

    def work(self, someone_is_due: Callable[[], bool]) -> Progress | None:
        """Work on the sweep for about a second, or until someone is due; return None if there was nothing to do.

        One thread works alone while a bad row is looked for in smaller and smaller parts, and while others want to write:
        they need a processor, too.
        """
        with self._store.read() as connection:
            if current_sweep(connection) is None:
                return None
        threads = self._threads[:1] if self._must_be_alone() else self._threads
        until, stopped = time.monotonic() + ROUND, threading.Event()

        def stop() -> bool:
            late = stopped.is_set() or time.monotonic() >= until
            return late or (len(threads) > 1 and self._must_be_alone()) or someone_is_due()

        try:
            worked = list(self._pool.map(SweepThread.work, threads, repeat(stop)))
        finally:
            stopped.set()  # if this thread was interrupted
        return self._sum(worked, threads[0])

    def _must_be_alone(self) -> bool:
        return self._bad_rows.isolating or any(thread.chunks.crowded for thread in self._threads)

    def _sum(self, worked: Sequence[Worked], thread: SweepThread) -> Progress | None:
        parts = [one.done for one in worked if one.done is not None]
        if error := next((one.error for one in worked if one.error is not None), None):
            parts += filter(None, [thread.triggers.attempt(partial(_raised, error), self._bad_rows, thread.now)])
        return reduce(add, parts) if parts else None


def _raised(error: Exception) -> NoReturn:
    raise error
