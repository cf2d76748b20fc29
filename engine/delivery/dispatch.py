"""Running delivery: recovery, then one lane per channel in parallel, until nothing is due or a stop is requested."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from adapters.base import Adapter
from engine.actions.claims import Claims
from engine.breaker import CODE_AT_FAULT, Alarm
from engine.channels import CHANNELS
from engine.channels.base import Channel
from engine.channels.outlets import Outlet, platforms_of
from engine.clock import SECOND, Clock
from engine.composing.processes import Composers
from engine.delivery.channel_breakers import ChannelBreakers
from engine.delivery.collecting import seldom_collected
from engine.delivery.crashes import Crashes
from engine.delivery.devices import DeviceBinding, DeviceUse
from engine.delivery.drafting import DraftContext, Drafter, recipe_of
from engine.delivery.gates import GATES
from engine.delivery.gates.base import Gate
from engine.delivery.identity import STORE, MessageKeys
from engine.delivery.in_flight.table import InFlight
from engine.delivery.journal import Journal
from engine.delivery.kept_templates import TemplatesInUse
from engine.delivery.lane import Lane, LaneState
from engine.delivery.lane_context import LaneContext
from engine.delivery.load import Loader
from engine.delivery.pauses import PauseWatch
from engine.delivery.pending_message import GateContext
from engine.delivery.preparing import Composing
from engine.delivery.recover import Recovery
from engine.delivery.routes import RouteState
from engine.delivery.send_keys import SendKeys
from engine.delivery.tally import DeliveryCounts, Tally
from engine.delivery.unsubscribe import Unsubscriber
from engine.errors import StoreError
from engine.facts.catalog import FactCatalog
from engine.faults import trail
from engine.incentives.form import CouponSection
from engine.messages.segments import SegmentLimits
from engine.messages.templates import TemplateLibrary
from engine.settings import Settings
from engine.store.database import Database
from engine.store.paused import read_paused
from engine.store.secrets import InstallationSecret, installation_secret

_LONGEST_PAUSE = 30.0
"""Seconds between attempts while the store cannot be used."""

_log = structlog.get_logger("habitue.delivery")


class Delivery:
    """Takes due actions through the gates to the adapters, and records the results.

    ``adapters`` are by channel; ``composers`` render and build the messages; ``gates`` run in the given order; ``coupons``
    are those of the files; ``repeatable`` names the adapters whose kind is; ``segments`` are the limits of text messages.
    Several workers, on several machines, can deliver from one PostgreSQL database.
    """

    def __init__(  # noqa: PLR0917 - the composition root's one call
        self,
        database: Database,
        library: TemplateLibrary,
        catalog: FactCatalog,
        adapters: Mapping[str, Sequence[Outlet]],
        settings: Settings,
        clock: Clock,
        composers: Composers,
        coupons: Mapping[str, CouponSection] | None = None,
        channels: Sequence[Channel] = CHANNELS,
        gates: Sequence[Gate[Any]] = GATES,
        *,
        repeatable: Collection[str] = (),
        segments: SegmentLimits | None = None,
    ) -> None:
        self._channels = channels
        self._gates = gates
        self._database = database
        self._outlets = {channel: tuple(outlets) for channel, outlets in adapters.items() if outlets}
        self._settings = settings
        self._clock = clock
        self._composers = composers
        self._names = {
            channel: tuple(one.adapter.name for one in outlets) for channel, outlets in self._outlets.items()
        }
        self._repeatable = frozenset(repeatable)
        self._states = {channel: self._new_state(channel) for channel in self._outlets}
        self._device_use = DeviceUse(settings.devices, clock)
        self._platforms = {channel: platforms_of(outlets) for channel, outlets in self._outlets.items()}
        self._claims = Claims(database.dialect, settings.delivery.lease)
        self._recovery = Recovery(database.dialect, settings.delivery)
        self._unsubscriber: Unsubscriber | None = None
        installation = InstallationSecret(database, STORE, clock)
        self._keys = MessageKeys(installation)
        self._crashes = Crashes(database, installation, settings.delivery, clock)
        self.replace_content(library, catalog, coupons, segments)

    def replace_content(
        self,
        library: TemplateLibrary,
        catalog: FactCatalog,
        coupons: Mapping[str, CouponSection] | None = None,
        segments: SegmentLimits | None = None,
    ) -> None:
        """Use new content from the next pass on; messages being composed still use the old content."""
        self._segments = segments or SegmentLimits(self._settings.sms.max_segments)
        recipe = recipe_of(self._settings.brand, library, self._channels)
        self._templates = TemplatesInUse(recipe, catalog)
        self._loader = Loader(
            self._database,
            self._templates,
            self._gates,
            self._keys,
            self._channels,
            devices=self._device_use,
            platforms=self._platforms,
            coupons=coupons,
        )
        for state in self._states.values():
            state.channel_breakers.forget()

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """Everything that is down or stopped, for ``habitue status``."""
        found: list[Alarm] = []
        for state in self._states.values():
            breakers = [one for route in state.routes.values() for one in (route.breaker, route.silence)]
            found += [one.alarm for one in breakers if one.alarm]
            found += state.channel_breakers.alarms
        return tuple(found)

    async def drain(self) -> DeliveryCounts:
        """Deliver until nothing is due at the clock's current instant; return the counts.

        Raises:
            StoreError: the database cannot be used.
        """
        tally, stop = Tally(), asyncio.Event()
        async with self._open() as journal:
            while await self._recover(journal) + await self._pass(journal, tally, stop):
                pass
        return tally.drained(self.alarms)

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until ``stop`` is set; then finish messages in flight and return the rest to the queue.

        Each channel works at its own pace. If the store cannot be used, that is logged as an error and retried.
        """
        poll = self._settings.delivery.poll / SECOND
        async with self._open() as journal, asyncio.TaskGroup() as group:
            for channel in self._outlets:
                serve = partial(self._pass, journal, Tally(), stop, among=[channel])
                group.create_task(_repeat(serve, stop, poll))
            serve = partial(self._pass, journal, Tally(), stop, apart_from=list(self._outlets))
            group.create_task(_repeat(serve, stop, poll))
            group.create_task(_repeat(partial(self._recover, journal), stop, poll))

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Journal]:
        """Open the journal and then the adapters; they are closed in reverse order."""
        limits = [self._settings.channel(name).in_flight for name, names in self._names.items() for _ in names]
        give_up_after = self._settings.delivery.lease
        group = max(limits, default=1)
        in_flight = InFlight(self._crashes.folder, 2 * sum(limits) + 1)  # some room for those whose answers are lost
        journal = Journal(self._database, self._clock, self._gates, in_flight, give_up_after=give_up_after, group=group)
        async with AsyncExitStack() as opened:
            opened.enter_context(seldom_collected())
            opened.callback(in_flight.close)
            await opened.enter_async_context(journal)
            for outlets in self._outlets.values():
                for outlet in outlets:
                    await opened.enter_async_context(outlet.adapter)
            yield journal

    async def _pass(
        self,
        journal: Journal,
        tally: Tally,
        stop: asyncio.Event,
        *,
        among: Collection[str] | None = None,
        apart_from: Collection[str] = (),
    ) -> int:
        """Run lanes until nothing is due on their channels; return how many actions were due.

        ``among`` None means all channels.
        """
        due = await journal.read(self._waiting)
        waiting = [name for name in due if (among is None or name in among) and name not in apart_from]
        if not waiting:
            return 0
        context = await self._context(journal, tally, stop)
        lanes = [
            Lane(
                name,
                self._outlets.get(name, ()),
                self._settings.channel(name).in_flight,
                self._states.get(name) or self._states.setdefault(name, self._new_state(name)),
                context,
            )
            for name in waiting
        ]
        done = await asyncio.gather(*(lane.work() for lane in lanes), return_exceptions=True)
        for result in done:
            if isinstance(result, BaseException):  # after the other channels have done their work
                raise result
        return sum(result for result in done if isinstance(result, int))

    def _waiting(self, connection: Connection) -> list[str]:
        """Return the channels to serve; empty if nothing is due, or all that is due is paused."""
        now = self._clock.now()
        if not self._claims.anything_due(connection, now):
            return []
        found = self._claims.channels(connection)
        if not (paused := read_paused(connection)):
            return found
        running = (name for name in found if not paused.stops_channel(name, self._names.get(name, ())))
        return [name for name in running if self._claims.anything_to_take(connection, name, now)]

    async def _recover(self, journal: Journal) -> int:
        total = await self._crashes.recover(journal)
        if not await journal.read(lambda connection: self._recovery.anything_to_do(connection, self._clock.now())):
            return total
        recall = journal.in_flight.recall
        while recovered := await journal.run(lambda one: self._recovery.run(one, self._clock.now(), recall)):
            _log.warning("leases_ran_out", released=recovered.released, unknown=recovered.unknown)
            total += recovered.released + recovered.unknown
        return total

    async def _context(self, journal: Journal, tally: Tally, stop: asyncio.Event) -> LaneContext:
        if self._unsubscriber is None:
            given = self._settings.delivery.unsubscribe_secret
            now = self._clock.now()
            secret = given or await asyncio.to_thread(installation_secret, self._database, "unsubscribe", now)
            self._unsubscriber = Unsubscriber(secret, self._settings.brand.unsubscribe_url)
        await self._crashes.open(journal)
        loader = self._loader
        context = DraftContext(self._settings.brand, self._unsubscriber, self._segments)
        return LaneContext(
            journal=journal,
            claims=self._claims,
            loader=loader,
            binding=self._binding,
            composing=Composing(Drafter(context, self._channels), self._templates, self._composers),
            gates=self._gates,
            settings=self._settings.delivery,
            gate_context=self._gate_context,
            clock=self._clock,
            tally=tally,
            pauses=PauseWatch(self._database),
            stopping=stop.is_set,
            superseded=lambda: self._loader is not loader,
        )

    def _new_state(self, channel: str) -> LaneState:
        adapters = [one.adapter for one in self._outlets.get(channel, ())]
        routes = {one.name: RouteState(one.name, self._send_keys(one, one.name)) for one in adapters}
        without = {} if routes else {channel: RouteState(channel, self._send_keys(None, channel))}
        return LaneState({**routes, **without}, ChannelBreakers(channel))

    def _send_keys(self, adapter: Adapter | None, name: str) -> SendKeys:
        return SendKeys(adapter, self._clock, self._settings.delivery, repeatable=name in self._repeatable)

    def _binding(self, channel: str) -> DeviceBinding:
        return DeviceBinding(self._database.dialect, channel, self._platforms.get(channel), self._device_use)

    def _gate_context(self, now: int) -> GateContext:
        return GateContext(
            now=now,
            channels=frozenset(self._outlets),
            consent=self._settings.consent,
            quiet_hours=self._settings.delivery.quiet_hours,
            brand_zone=self._settings.brand.timezone,
        )


async def _repeat(work: Callable[[], Awaitable[int]], stop: asyncio.Event, poll: float) -> None:
    """Repeat ``work`` until told to stop: without a pause while it finds something to do, else every ``poll`` seconds.

    An uncaught bug ends neither the worker nor the other channels.
    """
    pause = poll
    while not stop.is_set():
        try:
            pause = 0.0 if await work() else poll
        except (StoreError, DBAPIError) as error:
            pause = min(max(pause, poll) * 2, _LONGEST_PAUSE)
            _log.error("store_unavailable", error=type(error).__name__, next_try=pause)
        except Exception as error:  # noqa: BLE001 - what was claimed comes back when its lease ends
            pause = min(max(pause, poll) * 2, _LONGEST_PAUSE)
            _log.error(CODE_AT_FAULT, error=trail(error), next_try=pause)
        await _wait(stop, pause)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    if seconds <= 0:
        return
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
