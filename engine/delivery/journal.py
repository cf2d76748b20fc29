"""The single writer of delivery: it commits the lanes' results, in groups, in its own thread.

A group is everything that arrived while the previous group was being committed, so there are few transactions under
load and no delay without. Groups are durable: a power cut takes back neither a hand-off, with all that led to it, once
the provider may have the message, nor the provider's answer. If a write fails, it is retried: a provider's answer must
not be lost because the database was restarted.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias, TypeVar

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from engine.actions.moves import HasFence, Move, Mover
from engine.actions.states import ENDED_UNSENT, State
from engine.clock import SECOND, Clock, Instant
from engine.delivery.gates.asking import release
from engine.delivery.gates.base import Gate
from engine.delivery.in_flight.table import InFlight
from engine.errors import StoreError
from engine.intake.write.suppressions import suppress_gone
from engine.store.data_errors import is_store_error
from engine.store.database import Database

LINGER = 0.02
"""Seconds that an answer waits for others to join its group."""

Result = TypeVar("Result")
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 5.0
"""Seconds between attempts to write."""

_log = structlog.get_logger("habitue.delivery")


@dataclass(frozen=True, slots=True)
class TransactionalMoves:
    """Moves that are decided inside the transaction that writes them.

    ``decide`` gets the action ids of those ``claims`` that this worker still holds; they are locked.
    """

    claims: Sequence[HasFence]
    decide: Callable[[Connection, frozenset[int]], Sequence[Move]]


class DecisionFailed(Exception):
    """A post's own decision failed: nothing of that post was written. Others of its group were."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        super().__init__(str(error))


Written: TypeAlias = Mapping[int, Move]
"""The action ids of the moves that were written."""


@dataclass(frozen=True, slots=True)
class _Post:
    moves: Sequence[Move]
    inside: TransactionalMoves | None
    written: "asyncio.Future[Written]"

    def tell(self, result: Written | Exception) -> None:
        """Give ``result`` to whoever still waits for it."""
        if self.written.done():
            return
        if isinstance(result, Exception):
            self.written.set_exception(result)
        else:
            self.written.set_result(result)


class _Undecided(Exception):
    """The decision inside ``post`` failed, so the transaction was rolled back."""

    def __init__(self, post: _Post, error: Exception) -> None:
        self.post = post
        self.error = error
        super().__init__(str(error))


class Journal:
    """Writes moves and does other work on the store, one after the other. Use as an async context manager."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        gates: Sequence[Gate[Any]],
        in_flight: InFlight,
        *,
        give_up_after: int,
        group: int,
    ) -> None:
        """Commit as soon as ``group`` posts are pending. ``gates`` release the places of messages that end unsent.

        Keep trying to write for ``give_up_after`` milliseconds when the store cannot be used. ``in_flight`` learns of
        hand-offs before they are committed, and of the end of each afterwards.
        """
        self.in_flight = in_flight
        self._gates = gates
        self._group = group
        self._database = database
        self._clock = clock
        self._give_up_after = give_up_after / SECOND
        self._mover = Mover(database.dialect)
        self._pending: list[_Post] = []
        self._wake = asyncio.Event()
        self._linger: asyncio.TimerHandle | None = None
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

    def post(
        self, moves: Sequence[Move], *, urgent: bool = False, inside: TransactionalMoves | None = None
    ) -> "asyncio.Future[Written]":
        """Add ``moves`` to the next group; the future returns those that were written, once they are committed.

        Posts that are not ``urgent`` wait a moment for others to join. If the decision ``inside`` the transaction fails,
        the future raises ``DecisionFailed``, and other posts are not affected.
        """
        written: asyncio.Future[Written] = asyncio.get_running_loop().create_future()
        self._pending.append(_Post(moves, inside, written))
        if urgent or len(self._pending) >= self._group:
            self._wake.set()
        elif self._linger is None:
            self._linger = asyncio.get_running_loop().call_later(LINGER, self._wake.set)
        return written

    def flush(self) -> None:
        """Commit the pending posts now, because someone is waiting for them."""
        if self._pending:
            self._wake.set()

    async def run(self, work: Callable[[Connection], Result], *, durable: bool = False) -> Result:
        """Run ``work`` in a write transaction, between groups; see ``Database.in_transaction``."""
        transaction = partial(self._database.in_transaction, work, durable=durable)
        return await asyncio.get_running_loop().run_in_executor(self._thread, transaction)

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """Run ``work`` in a read transaction, in parallel with groups."""
        return await asyncio.to_thread(self._look, work)

    def _look(self, work: Callable[[Connection], Result]) -> Result:
        with self._database.read() as connection:
            return work(connection)

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            await self._commit(self._take_pending())

    def _take_pending(self) -> list[_Post]:
        self._wake.clear()
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        posts, self._pending = self._pending, []
        return posts

    async def _commit(self, posts: Sequence[_Post]) -> None:
        try:
            results, stale = await self._persist(posts)
        except _Undecided as undecided:
            undecided.post.tell(DecisionFailed(undecided.error))
            if others := [post for post in posts if post is not undecided.post]:
                await self._commit(others)
            return
        except Exception as error:  # noqa: BLE001 - it is raised to those who wait for the group
            for post in posts:
                post.tell(error)
            return
        if stale:
            _log.warning("stale_fence", actions=stale[:20], count=len(stale))
        moves = (move for result in results for move in result.values())
        self.in_flight.ended(move for move in moves if move.state is not State.HANDED_OFF)
        for post, result in zip(posts, results, strict=True):
            post.tell(result)

    async def _persist(self, posts: Sequence[_Post]) -> tuple[Sequence[Written], list[int]]:
        waited, wait = 0.0, _FIRST_WAIT
        while True:
            try:
                return await self.run(partial(self._write, posts), durable=True)
            except (StoreError, DBAPIError) as error:
                if waited >= self._give_up_after:
                    raise
                _log.error("journal_not_written", error=type(error).__name__, posts=len(posts), next_try=wait)
            await asyncio.sleep(wait)
            waited, wait = waited + wait, min(wait * 2, _LONGEST_WAIT)

    def _write(self, posts: Sequence[_Post], connection: Connection) -> tuple[Sequence[Written], list[int]]:
        """Write the posts' moves; return what was written of each, and the actions that another worker has claimed since."""
        claims = [claim for post in posts for claim in (*post.moves, *(post.inside.claims if post.inside else ()))]
        ours = self._mover.still_ours(connection, claims)
        results = [self._decide(post, ours, connection) for post in posts]
        moves = [move for one in results for move in one.values()]
        self._mover.write_held(connection, moves, self._clock.now())
        _suppress_gone(connection, moves, self._clock.now())
        ended = [move.action_id for move in moves if move.state in ENDED_UNSENT]
        if ended:
            release(connection, ended, self._gates)
        self.in_flight.ended(claim for claim in claims if claim.action_id not in ours)
        self.in_flight.waiting(move for move in moves if move.state is State.HANDED_OFF)
        return results, [claim.action_id for claim in claims if claim.action_id not in ours]

    def _decide(self, post: _Post, ours: frozenset[int], connection: Connection) -> Written:
        """Return those moves of a post that are still this worker's to make.

        Raises:
            _Undecided: its own decision failed. The group is rolled back and written again without it, because this
                hardly ever happens, and a savepoint would cost each group a tenth of its time.
        """
        moves = list(post.moves)
        if post.inside is not None:
            try:
                moves += post.inside.decide(connection, ours)
            except Exception as error:
                if is_store_error(error, connection):
                    raise
                raise _Undecided(post, error) from error
        return {move.action_id: move for move in moves if move.action_id in ours}


def _suppress_gone(connection: Connection, moves: Sequence[Move], now: Instant) -> None:
    """Suppress the addresses that the moves say are gone. In one order, so that two workers cannot deadlock."""
    gone: dict[tuple[str, str], list[str]] = {}
    for move in moves:
        if move.gone is not None:
            gone.setdefault((move.gone.channel, move.gone.source), []).append(move.gone.address)
    for (channel, source), addresses in sorted(gone.items()):
        suppress_gone(connection, channel, addresses, source, now)
