"""Handing off a group of composed messages to the adapter of one route: the rest of it leaves, or goes back.

The hand-off is committed before the adapter gets a message. A bug in what is decided meanwhile stops the channel, and no
message suffers from it.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from adapters.base import Answer, Message
from engine.actions.claims import Claim
from engine.actions.moves import HasFence, Move
from engine.actions.send_keys import SendKey
from engine.actions.states import State
from engine.delivery.channel_breakers import ChannelBreakers
from engine.delivery.devices import DeviceBinding
from engine.delivery.hand_off import HandOff
from engine.delivery.journal import DecisionFailed, TransactionalMoves
from engine.delivery.lane_context import LaneContext
from engine.delivery.pending_message import GateContext, PendingMessage
from engine.delivery.preparing import Group
from engine.delivery.reasons import DeliveryReason
from engine.delivery.routes import AdapterRoute, RouteWait, waiting
from engine.delivery.second_look import AskAgain
from engine.delivery.sender import OutgoingMessage, pause_reason
from engine.faults import trail


@dataclass(frozen=True)
class HandingOff:
    """Hands off the groups of one channel.

    ``halted`` tells whether nothing may be handed off at an instant, and then takes the message out of its group.
    ``one_route``: the channel has but one, whose pauses are the whole channel's.
    """

    context: LaneContext
    binding: DeviceBinding
    breakers: ChannelBreakers
    halted: Callable[[PendingMessage, int, Group], bool]
    ask_again: AskAgain
    one_route: bool

    async def hand_off(self, route: AdapterRoute, group: Group, gate_context: GateContext) -> None:
        """Hand off ``group`` through ``route``, as soon as the adapter has room for it.

        Raises:
            Exception: the store cannot be used, or an answer could not be recorded.
        """
        sender = route.sender
        asked = [pending for pending, _ in group.passed]
        keys = await self._keys(route, asked, group) if route.send_keys.concern(asked) else {}
        await sender.acquire(number := len(group.passed))
        now = self.context.clock.now()
        group.passed = [one for one in group.passed if self._may_leave(one[0], route, now, group)]
        sender.release(number - len(group.passed))
        lease_until = now + self.context.settings.lease
        hand_off = HandOff(
            group, gate_context, self.context.gates, self.ask_again, route.name, self.binding, lease_until, keys
        )
        asked_at = asyncio.get_running_loop().time()
        posted = self.context.journal.post(
            group.moves,
            urgent=True,  # at once, so that the senders have work when they have sent what they have now
            inside=TransactionalMoves(hand_off.claims, hand_off.decide) if hand_off.claims else None,
        )
        try:
            written = await posted
        except DecisionFailed as failed:
            sender.release(len(group.passed))
            await self._take_back(group, hand_off.claims, failed.error)
            return
        except Exception:
            sender.release(len(group.passed))
            raise
        self.context.tally.count(move for move in written.values() if move.state is not State.HANDED_OFF)
        for pending, ready in group.passed:
            move = written.get(pending.action_id)
            if move is not None and move.state is State.HANDED_OFF:
                sender.send(_outgoing(pending, ready.message, lease_until, asked_at, move.send_key))
            else:
                sender.release()

    def _may_leave(self, message: PendingMessage, route: AdapterRoute, now: int, group: Group) -> bool:
        """Tell whether a composed message may still be handed off; otherwise it goes back."""
        if self.halted(message, now, group):
            return False
        alarm = route.breaker.alarm
        if not self.one_route and alarm is not None and (reason := route.pause(now)) is not None:
            group.moves.append(waiting(message, RouteWait(reason, alarm.until)))
            return False
        return True

    async def _keys(
        self, route: AdapterRoute, messages: Sequence[PendingMessage], group: Group
    ) -> Mapping[int, SendKey]:
        """Return the keys of ``messages``; those that must not be handed off without one leave ``group``."""
        keyed = await route.send_keys.fetch(messages)
        if isinstance(keyed, Answer):
            route.sender.offered_nothing(keyed)
            reason = pause_reason(route.breaker)
            group.moves += [Move(one.action_id, one.fence, State.QUEUED, reason) for one in messages]
            group.passed = []
            return {}
        group.moves += keyed.moves
        kept_back = {move.action_id for move in keyed.moves}
        group.passed = [one for one in group.passed if one[0].action_id not in kept_back]
        return keyed.keys

    async def _take_back(self, group: Group, claims: Sequence[HasFence], error: Exception) -> None:
        """Stop because of a bug in the decision inside the transaction: nothing was written, so all actions go back."""
        await self.requeue([Claim(one.action_id, one.fence) for one in claims], error)
        if group.moves:
            written = await self.context.journal.post(group.moves, urgent=True)
            self.context.tally.count(written.values())

    async def requeue(self, claims: Sequence[Claim], error: Exception) -> None:
        """Stop the channel because of a bug; claimed actions go back to the queue unchanged."""
        detail = trail(error)
        behind = self.breakers.fail(detail, self.context.clock.now())
        # It is not known which of them triggers the bug, so they are retried one by one.
        due_at = behind if len(claims) == 1 else None
        moves = [Move(*claim, State.QUEUED, DeliveryReason.CODE_AT_FAULT, detail, due_at=due_at) for claim in claims]
        self.context.tally.count((await self.context.journal.post(moves, urgent=True)).values())


def _outgoing(
    pending: PendingMessage, message: Message, lease_until: int, asked_at: float, key: SendKey | None
) -> OutgoingMessage:
    if key is not None and key.value:
        return OutgoingMessage(pending, replace(message, send_key=key.value), lease_until, asked_at, key)
    return OutgoingMessage(pending, message, lease_until, asked_at)
