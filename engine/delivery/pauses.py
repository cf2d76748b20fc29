"""What is paused, for the messages that delivery has claimed already.

Claims pass over paused messages. Those that were claimed before a pause are put back when they would be handed off, in
that transaction, or at the latest when they would be sent: nothing is sent by what was known a while ago.
"""

import asyncio
from collections.abc import Mapping

import structlog

from engine.actions.described_enum import DescribedEnum
from engine.actions.moves import Move
from engine.actions.states import State
from engine.delivery.pending_message import PendingMessage
from engine.delivery.reasons import DeliveryReason
from engine.playbooks.reasons import PlaybookReason
from engine.store.data_errors import is_store_error
from engine.store.database import Transactions
from engine.store.paused import NOTHING_PAUSED, Paused, PauseOrigin, Route, Stop, read_paused

FRESH_FOR = 0.25
"""Seconds for which a worker relies on what it has read."""

_log = structlog.get_logger("habitue.delivery")


def route_of(message: PendingMessage, adapter: str | None) -> Route:
    """Return what can be paused about ``message``."""
    return Route(message.playbook, message.channel, message.message_class, adapter)


_REASONS: Mapping[PauseOrigin, DescribedEnum] = {
    PauseOrigin.PERSON: DeliveryReason.PAUSED,
    PauseOrigin.FILE: DeliveryReason.PAUSED_BY_FILE,
    PauseOrigin.RETIRED: PlaybookReason.RETIRED,
}


def put_back(action_id: int, fence: int, stop: Stop, tries: int = 0) -> Move:
    """Return the move that puts a message back unharmed because of ``stop``.

    Of a retired playbook, the next tick holds or cancels it.
    """
    reason = _REASONS[stop.origin].value
    return Move(action_id, fence, State.QUEUED, reason, tries=tries, intervention=stop.intervention)


class PauseWatch:
    """What is paused, in the memory of one worker, and never older than ``fresh_for`` seconds."""

    def __init__(self, database: Transactions, fresh_for: float = FRESH_FOR) -> None:
        self._database = database
        self._fresh_for = fresh_for
        self._known = NOTHING_PAUSED
        self._read_at: float | None = None
        self._reading: asyncio.Future[None] | None = None

    async def stopping(self, route: Route) -> Stop | None:
        """Return why a message may not be sent now; None if it may.

        A worker that is cut off from the database goes by what it knew last: what it may still send is what it had
        handed off already.
        """
        if self._read_at is None or asyncio.get_running_loop().time() - self._read_at >= self._fresh_for:
            if self._reading is None:
                self._reading = asyncio.ensure_future(self._read())
            await asyncio.shield(self._reading)
        return self._known.stopping(route)

    async def _read(self) -> None:
        began = asyncio.get_running_loop().time()
        try:
            self._known = await asyncio.to_thread(self._look)
        except Exception as error:
            if not is_store_error(error):
                raise
            _log.warning("pauses_not_read", error=type(error).__name__)
        finally:
            self._read_at, self._reading = began, None

    def _look(self) -> Paused:
        with self._database.read() as connection:
            return read_paused(connection)
