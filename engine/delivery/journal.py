"""The one writer of delivery: it commits what the lanes report, in groups, in a thread of its own.

A group is whatever has come together while the last one was being committed, so that the store is asked rarely when
there is much to do and at once when there is little. What cannot be written now is written later: an answer of a
provider must not be lost because the database was restarted.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from engine.actions.moves import Move, Mover
from engine.clock import SECOND, Clock
from engine.errors import StoreError
from engine.store.database import Database

LINGER = 0.02
"""Seconds that an answer waits for others to be committed with."""

Result = TypeVar("Result")
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 5.0
"""Seconds between two attempts to write."""

_log = structlog.get_logger("habitue.delivery")


class Journal:
    """Writes moves and runs other work on the store, one after the other. Use as an asynchronous context."""

    def __init__(self, database: Database, clock: Clock, *, patience: int, company: int) -> None:
        """Commit as soon as ``company`` posts have come together.

        Keep trying to write for ``patience`` milliseconds when the store cannot be used.
        """
        self._company = company
        self._database = database
        self._clock = clock
        self._patience = patience / SECOND
        self._mover = Mover(database.dialect)
        self._pending: list[tuple[Sequence[Move], asyncio.Future[frozenset[int]]]] = []
        self._wake = asyncio.Event()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="habitue-delivery")
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Journal":
        self._task = asyncio.create_task(self._work(), name="delivery journal")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._thread.shutdown(wait=True)

    def post(self, moves: Sequence[Move], *, urgent: bool = False) -> asyncio.Future[frozenset[int]]:
        """Take ``moves`` for the next group; the future gives the ids of those that counted, once committed.

        What is not ``urgent`` waits a moment for company.
        """
        written: asyncio.Future[frozenset[int]] = asyncio.get_running_loop().create_future()
        self._pending.append((moves, written))
        if urgent or len(self._pending) >= self._company:
            self._wake.set()
        elif len(self._pending) == 1:
            asyncio.get_running_loop().call_later(LINGER, self._wake.set)
        return written

    def flush(self) -> None:
        """Commit what has come together: somebody waits for it."""
        if self._pending:
            self._wake.set()

    async def run(self, work: Callable[[Connection], Result]) -> Result:
        """Run ``work`` in a writing transaction, in turn with the groups."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transact, work)

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """Run ``work`` in a reading transaction, beside the groups."""
        return await asyncio.to_thread(self._look, work)

    def _look(self, work: Callable[[Connection], Result]) -> Result:
        with self._database.read() as connection:
            return work(connection)

    def _transact(self, work: Callable[[Connection], Result]) -> Result:
        with self._database.write() as connection:
            return work(connection)

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            group, self._pending = self._pending, []
            if group:
                await self._commit(group)

    async def _commit(self, group: Sequence[tuple[Sequence[Move], asyncio.Future[frozenset[int]]]]) -> None:
        moves = [move for posted, _ in group for move in posted]
        try:
            written = await self._persist(moves)
        except Exception as error:  # noqa: BLE001 - whoever waits for the group gets it
            for _, future in group:
                if not future.done():
                    future.set_exception(error)
            return
        if len(written) < len(moves):
            stale = [move.action_id for move in moves if move.action_id not in written]
            _log.warning("stale_fence", actions=stale[:20], count=len(stale))
        for _, future in group:
            if not future.done():
                future.set_result(written)

    async def _persist(self, moves: Sequence[Move]) -> frozenset[int]:
        waited, wait = 0.0, _FIRST_WAIT
        while True:
            try:
                return await self.run(lambda connection: self._mover.write(connection, moves, self._clock.now()))
            except (StoreError, DBAPIError) as error:
                if waited >= self._patience:
                    raise
                _log.error("journal_not_written", error=type(error).__name__, moves=len(moves), next_try=wait)
            await asyncio.sleep(wait)
            waited, wait = waited + wait, min(wait * 2, _LONGEST_WAIT)
