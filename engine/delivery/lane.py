"""Delivering one channel: claim -> load -> gates -> compose -> hand off -> send -> record.

Lanes share only the journal, so that a slow provider holds up only its own channel. Where several adapters serve a channel,
each message takes the route of its device, and no route waits for another. A hand-off is committed before the adapter gets the
message.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from engine.actions.claims import Claim
from engine.channels.outlets import Outlet
from engine.clock import SECOND
from engine.delivery.channel_breakers import ChannelBreakers
from engine.delivery.gates.base import Verdict
from engine.delivery.handing_off import HandingOff
from engine.delivery.lane_context import LaneContext
from engine.delivery.load import LoadedBatch
from engine.delivery.pending_message import GateContext, PendingMessage
from engine.delivery.preparing import Preparer
from engine.delivery.reasons import DeliveryReason
from engine.delivery.routes import AdapterRoute, RouteLoad, RouteState, route_for, waiting
from engine.delivery.second_look import ask_again
from engine.delivery.sender import Sender
from engine.store.data_errors import is_store_error
from engine.store.paused import NOTHING_PAUSED, read_paused

_GLANCE = 0.02
"""Seconds between two looks at what several adapters are doing."""
_AT_A_STRETCH = 25
"""How many messages are judged before the senders get to run: about half a millisecond of work."""


@dataclass(frozen=True, slots=True)
class LaneState:
    """What a lane remembers between passes: the breakers of its adapters, by their names, its channel and its templates."""

    routes: Mapping[str, RouteState]
    channel_breakers: ChannelBreakers


class Lane:
    """Serves one channel until nothing is due on it."""

    def __init__(
        self, channel: str, outlets: Sequence[Outlet], in_flight: int, state: LaneState, context: LaneContext
    ) -> None:
        """Serve ``channel`` through ``outlets``; without any, the gates refuse all messages."""
        self._channel = channel
        self._channel_breakers = state.channel_breakers
        self._context = context
        self._group = max(1, in_flight // 2)
        self._preparer = Preparer(context.composing, context.gates, state.channel_breakers, self._halted)
        self._routes = [
            self._route(outlet, state.routes[outlet.adapter.name if outlet else channel], in_flight)
            for outlet in outlets or (None,)
        ]
        self._only = self._routes[0] if len(self._routes) == 1 else None
        """The route if there is but one: then it is waited for."""
        self._handing_off = HandingOff(
            context,
            context.binding(channel),
            state.channel_breakers,
            self._preparer.halted,
            self._ask_again,
            one_route=self._only is not None,
        )
        self._paused = NOTHING_PAUSED
        """What was paused at the last claim."""

    def _route(self, outlet: Outlet | None, state: RouteState, in_flight: int) -> AdapterRoute:
        context = self._context
        sender = Sender(
            outlet.adapter if outlet else None,
            state.breaker,
            in_flight,
            context.journal,
            context.tally,
            context.clock,
            context.settings,
            context.pauses,
            self._ask_again,
            state.silence,
        )
        return AdapterRoute(outlet, state, sender, in_flight)

    async def work(self) -> int:
        """Deliver what is due and finish messages in flight; return how many actions were claimed."""
        async with AsyncExitStack() as senders:
            for route in self._routes:
                await senders.enter_async_context(route.sender)
            return await self._feed()

    async def _feed(self) -> int:
        claimed = 0
        upcoming = asyncio.create_task(self._claim())
        try:
            while (batch := await upcoming) or await self._more_due():
                claimed += len(batch)
                trial = self._all_trying() or self._channel_breakers.trying
                if not trial:
                    upcoming = asyncio.create_task(self._claim())
                await self._process(batch, trial=trial)
                if trial:
                    await self._drained()
                    upcoming = asyncio.create_task(self._claim())
            for route in self._routes:
                await route.handed_off()
        finally:
            for route in self._routes:
                route.stop()
            left = (route.handed_off() for route in self._routes)
            await asyncio.gather(upcoming, *left, return_exceptions=True)
        await self._drained()
        return claimed

    async def _drained(self) -> None:
        for route in self._routes:
            await route.sender.drained()

    async def _more_due(self) -> bool:
        """While one of several adapters is at work, wait for messages that others could send; tell whether there are any."""
        if self._only is not None:
            return False
        loop, poll = asyncio.get_running_loop(), self._context.settings.poll / SECOND
        look_at = loop.time() + poll
        while not all(route.idle for route in self._routes):
            await asyncio.sleep(_GLANCE)
            now = self._context.clock.now()
            if loop.time() >= look_at and not (self._halted(now) or self._context.superseded()):
                look_at = loop.time() + poll
                if await self._context.journal.read(partial(self._anything_due, now)):
                    return True
        return False

    # --- claim, load -------------------------------------------------------------------------------------------

    async def _claim(self) -> LoadedBatch:
        """Claim and load due actions; return an empty batch if nothing is due or nothing can be sent now."""
        now = self._context.clock.now()
        if self._halted(now) or self._context.superseded():
            return LoadedBatch()
        limit = 1 if self._all_trying() else self._channel_breakers.limit(self._context.settings.batch)
        claims = await self._context.journal.run(partial(self._take, now, limit))
        if not claims:
            return LoadedBatch()
        try:
            return await asyncio.to_thread(self._context.loader.load, self._channel, claims)
        except Exception as error:
            if is_store_error(error):
                raise
            await self._handing_off.requeue(claims, error)
            return LoadedBatch()

    def _take(self, now: int, limit: int, connection: Connection) -> list[Claim]:
        if self._read_paused(connection):
            return []
        return self._context.claims.take(connection, self._channel, now, limit)

    def _anything_due(self, now: int, connection: Connection) -> bool:
        if self._read_paused(connection):
            return False
        return self._context.claims.anything_to_take(connection, self._channel, now)

    def _read_paused(self, connection: Connection) -> bool:
        """Read what is paused; tell whether the whole channel is."""
        self._paused = read_paused(connection)
        names = [route.name for route in self._routes if route.name is not None]
        return self._paused.stops_channel(self._channel, names)

    def _all_trying(self) -> bool:
        return all(route.breaker.trying for route in self._routes)

    def _halted(self, now: int) -> DeliveryReason | None:
        """Return why nothing may be handed off now; None if it may."""
        if self._context.stopping():
            return DeliveryReason.WORKER_STOPPED
        pauses = [route.pause(now) for route in self._routes]
        if all(pauses):
            return pauses[0]
        return DeliveryReason.CODE_AT_FAULT if self._channel_breakers.paused(now) else None

    # --- gates, compose ----------------------------------------------------------------------------------------

    async def _process(self, batch: LoadedBatch, *, trial: bool) -> None:
        """Take ``batch`` through the gates and have it composed; its last groups may still be handed off afterwards.

        Of a ``trial`` everything is handed off, so that the gates have been asked in all.
        """
        gate_context = self._context.gate_context(self._context.clock.now())
        loads = {route: RouteLoad() for route in self._routes}
        self._preparer.unloaded(batch, loads[self._routes[0]].group, gate_context.now)
        judged = False
        for number, loaded in enumerate(batch.actions, start=1):
            route = self._only or route_for(loaded.message, self._routes)
            load = loads[route]
            if self._may_go(loaded.message, route, load, gate_context.now):
                message = self._preparer.judge(loaded, gate_context, load.group)
                judged = True
                if message is not None:
                    load.passed.append(message)
                    load.served = True
            if len(load.passed) >= self._group and not (route.busy and self._only is None):
                await self._send_off(route, load, gate_context)
            if not number % _AT_A_STRETCH:
                await asyncio.sleep(0)  # let the senders run
        await self._finish(loads, gate_context)
        if trial:
            for route in self._routes:
                await route.handed_off()
        if judged and not self._channel_breakers.paused(gate_context.now):
            self._channel_breakers.worked(self._context.settings.batch)

    def _may_go(self, message: PendingMessage, route: AdapterRoute, load: RouteLoad, now: int) -> bool:
        """Tell whether a message may be judged now; otherwise it goes back, due when its route may be used again."""
        if self._preparer.halted(message, now, load.group):
            return False
        if self._only is not None:
            return True
        if self._paused.stopping_adapter(route.name) is not None:
            load.group.stopped.append(message)
            return False
        wait = route.wait(now, taken=bool(load.passed))
        if wait is not None:
            load.group.moves.append(waiting(message, wait))
        return wait is None

    async def _send_off(self, route: AdapterRoute, load: RouteLoad, gate_context: GateContext) -> None:
        """Have a group of ``load`` composed, and hand it off as soon as the one before it has been."""
        part, group = load.take(self._group)
        await self._preparer.compose(part, gate_context.now, group)
        if group:
            await route.begin(self._handing_off.hand_off(route, group, gate_context))

    async def _finish(self, loads: Mapping[AdapterRoute, RouteLoad], gate_context: GateContext) -> None:
        """Send off what is left of a batch. A route that has no room gives way to others that could go on meanwhile."""
        if self._only is not None:
            await self._send_off(self._only, loads[self._only], gate_context)
            return
        while left := [route for route in self._routes if loads[route]]:
            for route in left:
                load = loads[route]
                if load.passed and not route.busy:
                    await self._send_off(route, load, gate_context)
                elif load.passed and self._gives_way(route, loads):
                    wait = route.give_way(gate_context.now)
                    load.group.moves += [waiting(message, wait) for message in load.passed]
                    load.passed = []
                if not load.passed and load.group:  # moves alone need no room
                    await self._handing_off.hand_off(route, load.take(0)[1], gate_context)
            await next((route for route in left if loads[route]), left[0]).moved(_GLANCE)

    def _gives_way(self, route: AdapterRoute, loads: Mapping[AdapterRoute, RouteLoad]) -> bool:
        """Tell whether ``route``, which has no room, would hold up others that have sent what the batch had for them."""
        others = (one for one in self._routes if one is not route and loads[one].served and not loads[one].passed)
        return route.silent or any(one.hungry and one.works for one in others)

    def _ask_again(self, connection: Connection, messages: Sequence[PendingMessage]) -> Mapping[int, Verdict]:
        return ask_again(
            connection, messages, self._context.gate_context(self._context.clock.now()), self._context.gates
        )
