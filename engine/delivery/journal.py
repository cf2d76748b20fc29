"""The single writer of delivery: it commits the lanes' results, in groups, in its own thread.

A group is everything that arrived while the previous group was being committed, so there are few transactions under
load and no delay without. Groups are durable: a power cut takes back neither a hand-off, with all that led to it, once
the provider may have the message, nor the provider's answer. If a write fails, it is retried: a provider's answer must not be lost because the database
was restarted.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias, TypeVar

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from engine.actions.moves import HasFence, Move, Mover
from engine.actions.states import ENDED_UNSENT, State
from engine.clock import SECOND, Clock
from engine.delivery.gates.asking import release
from engine.delivery.gates.base import Gate
from engine.delivery.in_flight.table import InFlight
from engine.delivery.pauses import hold_back
from engine.errors import StoreError
from engine.store.data_errors import is_data_error, is_query_error
from engine.store.database import Database
from engine.store.paused import Route, read_paused

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


LastLook: TypeAlias = Callable[[Connection, Collection[int]], Sequence[Move]]
"""Given the actions that will be handed off, returns the moves of those that may not be, instead."""
Written: TypeAlias = Mapping[int, Move]
"""The action ids of the moves that were written."""


@dataclass(frozen=True, slots=True)
class _Post:
    moves: Sequence[Move]
    inside: TransactionalMoves | None
    routes: Mapping[int, Route]
    last_look: LastLook | None
    written: "asyncio.Future[Written]"


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
        self,
        moves: Sequence[Move],
        *,
        urgent: bool = False,
        inside: TransactionalMoves | None = None,
        routes: Mapping[int, Route] | None = None,
        last_look: LastLook | None = None,
    ) -> "asyncio.Future[Written]":
        """Add ``moves`` to the next group; the future returns those that were written, once they are committed.

        Posts that are not ``urgent`` wait a moment for others to join. Decisions ``inside`` a transaction get a
        transaction of their own, so that an error in them does not affect other posts. Hand-offs need their messages'
        ``routes``, by action id: those that are paused by then go back to the queue instead.
        ``last_look`` can refuse others.
        """
        written: asyncio.Future[Written] = asyncio.get_running_loop().create_future()
        self._pending.append(_Post(moves, inside, routes or {}, last_look, written))
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
            posts = self._take_pending()
            if together := [post for post in posts if post.inside is None]:
                await self._commit(together)
            for post in posts:
                if post.inside is not None:
                    await self._commit([post])

    def _take_pending(self) -> list[_Post]:
        self._wake.clear()
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        posts, self._pending = self._pending, []
        return posts

    async def _commit(self, posts: Sequence[_Post]) -> None:
        try:
            written, stale = await self._persist(posts)
        except Exception as error:  # noqa: BLE001 - it is raised to those who wait for the group
            for post in posts:
                if not post.written.done():
                    post.written.set_exception(error)
            return
        self.in_flight.ended(move for move in written.values() if move.state is not State.HANDED_OFF)
        if stale:
            _log.warning("stale_fence", actions=stale[:20], count=len(stale))
        for post in posts:
            if not post.written.done():
                theirs = {move.action_id for move in post.moves} if post.inside is None else written.keys()
                post.written.set_result({action: written[action] for action in theirs if action in written})

    async def _persist(self, posts: Sequence[_Post]) -> tuple[Written, list[int]]:
        waited, wait = 0.0, _FIRST_WAIT
        while True:
            try:
                return await self.run(partial(self._write, posts), durable=True)
            except (StoreError, DBAPIError) as error:
                if waited >= self._give_up_after or _fault_inside(posts, error):
                    raise
                _log.error("journal_not_written", error=type(error).__name__, posts=len(posts), next_try=wait)
            await asyncio.sleep(wait)
            waited, wait = waited + wait, min(wait * 2, _LONGEST_WAIT)

    def _write(self, posts: Sequence[_Post], connection: Connection) -> tuple[Written, list[int]]:
        """Write the posts' moves; return those written, and the actions that another worker has claimed since."""
        moves: list[Move] = []
        stale: list[int] = []
        for post in posts:
            moves += post.moves
            if post.inside is not None:
                ours = self._mover.still_ours(connection, post.inside.claims)
                stale += [claim.action_id for claim in post.inside.claims if claim.action_id not in ours]
                moves += post.inside.decide(connection, ours)
        routes = {action: route for post in posts for action, route in post.routes.items()}
        if routes and (paused := read_paused(connection)):
            moves = hold_back(moves, routes, paused)
        for post in posts:
            leaving = {move.action_id for move in moves if move.state is State.HANDED_OFF}
            if post.last_look is not None and leaving:
                instead = {move.action_id: move for move in post.last_look(connection, leaving)}
                moves = [instead.get(move.action_id, move) for move in moves]
        counted = self._mover.write(connection, moves, self._clock.now())
        ended = [move.action_id for move in moves if move.action_id in counted and move.state in ENDED_UNSENT]
        if ended:
            release(connection, ended, self._gates)
        stale += [move.action_id for move in moves if move.action_id not in counted]
        self.in_flight.ended(move for move in moves if move.action_id not in counted)
        self.in_flight.waiting(move for move in moves if move.action_id in counted and move.state is State.HANDED_OFF)
        return {move.action_id: move for move in moves if move.action_id in counted}, stale


def _fault_inside(posts: Sequence[_Post], error: Exception) -> bool:
    """Tell whether the error is in a post's own decision: retrying it would only hold up all others."""
    return any(post.inside for post in posts) and (is_query_error(error) or is_data_error(error))
