"""The routes of a lane: one for each adapter of its channel, with its own breaker, sender and messages in flight.

A route that is down or silent holds up no other: its messages go back to the queue, due when it may be worth trying again.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field

from engine.actions.moves import Move
from engine.actions.states import State
from engine.breaker import FIRST_PAUSE, Breaker
from engine.channels.outlets import Outlet
from engine.delivery.adapter_breaker import AdapterBreaker
from engine.delivery.pending_message import PendingMessage
from engine.delivery.preparing import Group
from engine.delivery.reasons import DeliveryReason
from engine.delivery.send_keys import SendKeys
from engine.delivery.sender import Sender, pause_reason

PATIENCE = 1.0
"""Seconds without any answer after which an adapter counts as silent, if others could send meanwhile."""


class RouteState:
    """What a worker remembers of an adapter between passes: its breaker, that it has been silent, and whence keys come."""

    def __init__(self, adapter: str, send_keys: SendKeys) -> None:
        self.breaker = AdapterBreaker(adapter)
        self.silence = Breaker(f"adapter `{adapter}` does not answer")
        self.send_keys = send_keys


@dataclass(frozen=True, slots=True)
class RouteWait:
    """Why a message waits for its route, and until when, in UTC milliseconds."""

    reason: DeliveryReason
    until: int


@dataclass(slots=True)
class RouteLoad:
    """What a batch has for one route: messages that passed the gates and are not composed, and the group of the next hand-off."""

    group: Group = field(default_factory=Group)
    passed: list[PendingMessage] = field(default_factory=list)
    served: bool = False
    """Whether the batch had anything to send by this route."""

    def __bool__(self) -> bool:
        return bool(self.passed or self.group)

    def take(self, count: int) -> tuple[list[PendingMessage], Group]:
        """Take the group, and up to ``count`` messages that are to be composed for it."""
        part, self.passed = self.passed[:count], self.passed[count:]
        group, self.group = self.group, Group()
        return part, group


def waiting(message: PendingMessage, wait: RouteWait) -> Move:
    """Return the move by which a message goes back to the queue until its route may be used again."""
    return Move(message.action_id, message.fence, State.QUEUED, wait.reason, due_at=wait.until)


class AdapterRoute:
    """One adapter of a lane."""

    def __init__(self, outlet: Outlet | None, state: RouteState, sender: Sender, in_flight: int) -> None:
        """``outlet`` is None if no adapter serves the channel: then the gates refuse all messages."""
        self.outlet = outlet
        self.name = outlet.adapter.name if outlet else None
        self.breaker = state.breaker
        self.silence = state.silence
        self.send_keys = state.send_keys
        self.sender = sender
        self._half = in_flight // 2
        self._handing_off: asyncio.Task[None] | None = None
        self._since = 0.0

    @property
    def busy(self) -> bool:
        """Whether a group waits to be handed off."""
        return self._handing_off is not None and not self._handing_off.done()

    @property
    def idle(self) -> bool:
        """Whether nothing is on its way."""
        return not self.busy and not self.sender.outstanding

    @property
    def hungry(self) -> bool:
        """Whether it will soon have nothing to send."""
        return not self.busy and self.sender.outstanding <= self._half

    @property
    def works(self) -> bool:
        """Whether it is neither down nor silent, nor being tried after that."""
        return self.breaker.alarm is None and self.silence.alarm is None

    @property
    def silent(self) -> bool:
        """Whether it has answered nothing for a while, though it has messages."""
        return asyncio.get_running_loop().time() - max(self._since, self.sender.answered_at) > PATIENCE

    def pause(self, now: int) -> DeliveryReason | None:
        """Return why it may not be used at ``now``; None if it may."""
        return pause_reason(self.breaker) if self.breaker.paused(now) else None

    def wait(self, now: int, *, taken: bool) -> RouteWait | None:
        """Return why a message has to wait while others of the channel go on; None if it need not.

        After a pause one message is tried at a time; ``taken``: one has been taken already.
        """
        alarm = self.breaker.alarm
        if alarm is not None and self.breaker.paused(now):
            return RouteWait(pause_reason(self.breaker), alarm.until)
        if alarm is not None and (taken or not self.idle):
            return RouteWait(pause_reason(self.breaker), now + FIRST_PAUSE)
        if self.silence.alarm is not None and self.silence.paused(now):
            return RouteWait(DeliveryReason.ADAPTER_BUSY, self.silence.alarm.until)
        return None

    def give_way(self, now: int) -> RouteWait:
        """Return how long messages wait that it has no room for: until others had their turn, or longer if it is silent."""
        if self.silent:
            self.silence.down(DeliveryReason.ADAPTER_BUSY, "", now)
        alarm = self.silence.alarm
        return RouteWait(DeliveryReason.ADAPTER_BUSY, max(alarm.until, now) if alarm is not None else now)

    async def begin(self, hand_off: Coroutine[object, object, None]) -> None:
        """Begin ``hand_off`` as soon as the one before it is done, while the next group is composed."""
        try:
            await self.handed_off()
        except BaseException:
            hand_off.close()
            raise
        self._since = asyncio.get_running_loop().time()
        self._handing_off = asyncio.create_task(hand_off)

    async def handed_off(self) -> None:
        """Wait until the last group is handed off."""
        if self._handing_off is not None:
            await self._handing_off

    def stop(self) -> None:
        """Stop handing off, after an error: it may wait for senders that will send no more."""
        if self._handing_off is not None:
            self._handing_off.cancel()

    async def moved(self, seconds: float) -> None:
        """Wait until the group that waits is handed off, but no longer than that."""
        if self.busy and self._handing_off is not None:
            await asyncio.wait([self._handing_off], timeout=seconds)


def route_for(message: PendingMessage, routes: Sequence[AdapterRoute]) -> AdapterRoute:
    """Return the first route that serves the device of ``message``; the first of all if it has none, for gates to refuse."""
    if message.device is not None:
        platform = message.device.platform
        for route in routes:
            if route.outlet is not None and route.outlet.serves(platform):
                return route
    return routes[0]
