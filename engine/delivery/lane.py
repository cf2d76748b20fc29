"""Delivering one channel: claim -> load -> gates -> compose -> hand off -> send -> record.

Lanes share only the journal, so that a slow provider holds up only its own channel. A hand-off is committed before the
adapter gets the message.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sqlalchemy import Connection

from adapters.base import Adapter, Answer, Message
from engine.actions.claims import Claim, Claims
from engine.actions.moves import HasFence, Move
from engine.actions.send_keys import SendKey
from engine.actions.states import State
from engine.clock import Clock
from engine.delivery.adapter_breaker import AdapterBreaker
from engine.delivery.channel_breakers import ChannelBreakers
from engine.delivery.gates.base import Gate, Verdict
from engine.delivery.hand_off import HandOff
from engine.delivery.journal import DecisionFailed, Journal, TransactionalMoves
from engine.delivery.load import LoadedBatch, Loader
from engine.delivery.pauses import PauseWatch
from engine.delivery.pending_message import GateContext, PendingMessage
from engine.delivery.preparing import Composing, Group, Preparer
from engine.delivery.reasons import DeliveryReason
from engine.delivery.second_look import ask_again
from engine.delivery.send_keys import SendKeys
from engine.delivery.sender import OutgoingMessage, Sender, pause_reason
from engine.delivery.tally import Tally
from engine.faults import trail
from engine.settings import DeliverySettings
from engine.store.data_errors import is_store_error
from engine.store.paused import read_paused

_AT_A_STRETCH = 25
"""How many messages are judged before the senders get to run: about half a millisecond of work."""


@dataclass(frozen=True)
class LaneContext:
    """What all lanes share.

    ``stopping`` tells whether the worker was asked to stop, ``superseded`` whether there is newer content than that of
    this loader and these templates; in both cases nothing more is claimed.
    """

    journal: Journal
    claims: Claims
    loader: Loader
    composing: Composing
    gates: Sequence[Gate[Any]]
    settings: DeliverySettings
    gate_context: Callable[[int], GateContext]
    clock: Clock
    tally: Tally
    pauses: PauseWatch
    stopping: Callable[[], bool]
    superseded: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class LaneState:
    """What a lane keeps between passes: the breakers of its adapter, channel and templates; and whence keys come."""

    breaker: AdapterBreaker
    channel_breakers: ChannelBreakers
    send_keys: SendKeys


class Lane:
    """Serves one channel until nothing is due on it."""

    def __init__(
        self, channel: str, adapter: Adapter | None, in_flight: int, state: LaneState, context: LaneContext
    ) -> None:
        """Serve ``channel`` through ``adapter``; without an adapter, the gates refuse all messages."""
        self._channel = channel
        self._adapter_name = adapter.name if adapter else None
        self._breaker = state.breaker
        self._channel_breakers = state.channel_breakers
        self._send_keys = state.send_keys
        self._context = context
        self._group = max(1, in_flight // 2)
        self._handing_off: asyncio.Task[None] | None = None
        self._preparer = Preparer(context.composing, context.gates, state.channel_breakers, self._halted)
        self._sender = Sender(
            adapter,
            state.breaker,
            in_flight,
            context.journal,
            context.tally,
            context.clock,
            context.settings,
            context.pauses,
            self._ask_again,
        )

    async def work(self) -> int:
        """Deliver what is due and finish messages in flight; return how many actions were claimed."""
        async with self._sender:
            return await self._feed()

    async def _feed(self) -> int:
        claimed = 0
        upcoming = asyncio.create_task(self._claim())
        try:
            while batch := await upcoming:
                claimed += len(batch)
                trial = self._breaker.trying or self._channel_breakers.trying
                if not trial:
                    upcoming = asyncio.create_task(self._claim())
                await self._process(batch, trial=trial)
                if trial:
                    await self._sender.drained()
                    upcoming = asyncio.create_task(self._claim())
            await self._handed_off()
        finally:
            if self._handing_off is not None:
                self._handing_off.cancel()  # after an error: it may wait for senders that will send no more
            await asyncio.gather(upcoming, self._handed_off(), return_exceptions=True)
        await self._sender.drained()
        return claimed

    # --- claim, load -------------------------------------------------------------------------------------------

    async def _claim(self) -> LoadedBatch:
        """Claim and load due actions; return an empty batch if nothing is due or nothing can be sent now."""
        now = self._context.clock.now()
        if self._halted(now) or self._context.superseded():
            return LoadedBatch()
        limit = 1 if self._breaker.trying else self._channel_breakers.limit(self._context.settings.batch)
        claims = await self._context.journal.run(partial(self._take, now, limit))
        if not claims:
            return LoadedBatch()
        try:
            return await asyncio.to_thread(self._context.loader.load, self._channel, claims)
        except Exception as error:
            if is_store_error(error):
                raise
            await self._requeue(claims, error)
            return LoadedBatch()

    def _take(self, now: int, limit: int, connection: Connection) -> list[Claim]:
        if read_paused(connection).stops_channel(self._channel, self._adapter_name):
            return []
        return self._context.claims.take(connection, self._channel, now, limit)

    def _halted(self, now: int) -> DeliveryReason | None:
        """Return why nothing may be handed off now; None if it may."""
        if self._context.stopping():
            return DeliveryReason.WORKER_STOPPED
        if self._breaker.paused(now):
            return pause_reason(self._breaker)
        return DeliveryReason.CODE_AT_FAULT if self._channel_breakers.paused(now) else None

    async def _requeue(self, claims: Sequence[Claim], error: Exception) -> None:
        """Stop the channel because of a bug; claimed actions go back to the queue unchanged."""
        detail = trail(error)
        behind = self._channel_breakers.fail(detail, self._context.clock.now())
        # It is not known which of them triggers the bug, so they are retried one by one.
        due_at = behind if len(claims) == 1 else None
        moves = [Move(*claim, State.QUEUED, DeliveryReason.CODE_AT_FAULT, detail, due_at=due_at) for claim in claims]
        self._context.tally.count((await self._context.journal.post(moves, urgent=True)).values())

    # --- gates, compose ----------------------------------------------------------------------------------------

    async def _process(self, batch: LoadedBatch, *, trial: bool) -> None:
        """Take ``batch`` through the gates and have it composed; its last group may still be handed off afterwards.

        Of a ``trial`` everything is handed off, so that the gates have been asked in all.
        """
        group = Group()
        gate_context = self._context.gate_context(self._context.clock.now())
        self._preparer.unloaded(batch, group, gate_context.now)
        judged = False
        passed: list[PendingMessage] = []
        for number, loaded in enumerate(batch.actions, start=1):
            if not self._preparer.halted(loaded.message, gate_context.now, group):
                message = self._preparer.judge(loaded, gate_context, group)
                judged = True
                passed += [message] if message is not None else []
            if len(passed) >= self._group:
                await self._preparer.compose(passed, gate_context.now, group)
                await self._begin_hand_off(group, gate_context)
                group, passed = Group(), []
            if not number % _AT_A_STRETCH:
                await asyncio.sleep(0)  # let the senders run
        await self._preparer.compose(passed, gate_context.now, group)
        await self._begin_hand_off(group, gate_context)
        if trial:
            await self._handed_off()
        if judged and not self._channel_breakers.paused(gate_context.now):
            self._channel_breakers.worked(self._context.settings.batch)

    # --- hand off ----------------------------------------------------------------------------------------------

    async def _begin_hand_off(self, group: Group, gate_context: GateContext) -> None:
        """Hand ``group`` off as soon as the one before it has been, while the next is composed."""
        await self._handed_off()
        if group:
            self._handing_off = asyncio.create_task(self._hand_off(group, gate_context))

    async def _handed_off(self) -> None:
        """Wait until the last group is handed off."""
        if self._handing_off is not None:
            await self._handing_off

    async def _hand_off(self, group: Group, gate_context: GateContext) -> None:
        asked = [pending for pending, _ in group.passed]
        keys = await self._keys(asked, group) if self._send_keys.concern(asked) else {}
        await self._sender.acquire(number := len(group.passed))
        now = self._context.clock.now()
        group.passed = [one for one in group.passed if not self._preparer.halted(one[0], now, group)]
        self._sender.release(number - len(group.passed))
        lease_until = now + self._context.settings.lease
        hand_off = HandOff(
            group, gate_context, self._context.gates, self._ask_again, self._adapter_name, lease_until, keys
        )
        asked_at = asyncio.get_running_loop().time()
        posted = self._context.journal.post(
            group.moves,
            urgent=True,  # at once, so that the senders have work when they have sent what they have now
            inside=TransactionalMoves(hand_off.claims, hand_off.decide) if hand_off.claims else None,
        )
        try:
            written = await posted
        except DecisionFailed as failed:
            self._sender.release(len(group.passed))
            await self._take_back(group, hand_off.claims, failed.error)
            return
        except Exception:
            self._sender.release(len(group.passed))
            raise
        self._context.tally.count(move for move in written.values() if move.state is not State.HANDED_OFF)
        for pending, ready in group.passed:
            move = written.get(pending.action_id)
            if move is not None and move.state is State.HANDED_OFF:
                self._sender.send(_outgoing(pending, ready.message, lease_until, asked_at, move.send_key))
            else:
                self._sender.release()

    async def _keys(self, messages: Sequence[PendingMessage], group: Group) -> Mapping[int, SendKey]:
        """Return the keys of ``messages``; those that must not be handed off without one leave ``group``."""
        keyed = await self._send_keys.fetch(messages)
        if isinstance(keyed, Answer):
            self._sender.offered_nothing(keyed)
            reason = pause_reason(self._breaker)
            group.moves += [Move(one.action_id, one.fence, State.QUEUED, reason) for one in messages]
            group.passed = []
            return {}
        group.moves += keyed.moves
        kept_back = {move.action_id for move in keyed.moves}
        group.passed = [one for one in group.passed if one[0].action_id not in kept_back]
        return keyed.keys

    def _ask_again(self, connection: Connection, messages: Sequence[PendingMessage]) -> Mapping[int, Verdict]:
        return ask_again(
            connection, messages, self._context.gate_context(self._context.clock.now()), self._context.gates
        )

    async def _take_back(self, group: Group, claims: Sequence[HasFence], error: Exception) -> None:
        """Stop because of a bug in the decision inside the transaction: nothing was written, so all actions go back."""
        await self._requeue([Claim(one.action_id, one.fence) for one in claims], error)
        if group.moves:
            written = await self._context.journal.post(group.moves, urgent=True)
            self._context.tally.count(written.values())


def _outgoing(
    pending: PendingMessage, message: Message, lease_until: int, asked_at: float, key: SendKey | None
) -> OutgoingMessage:
    if key is not None and key.value:
        return OutgoingMessage(pending, replace(message, send_key=key.value), lease_until, asked_at, key)
    return OutgoingMessage(pending, message, lease_until, asked_at)
