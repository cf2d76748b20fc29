"""The one composition root: settings -> store, content, adapters, pipeline, delivery."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain
from pathlib import Path

import structlog

from adapters.base import Adapter, Callback
from engine.actions.receipts import Received, anything_handed_off
from engine.activation import Activation, Wish, make_ready, make_running, planned
from engine.channels.outlets import Outlet
from engine.channels.providers import MessageReview, make_adapters, make_reviews
from engine.clock import SECOND, Clock, FixedClock, Instant, WallClock
from engine.composing.jobs import Limits
from engine.composing.processes import Composers, Processes
from engine.content.bundle import Bundle, read_bundle
from engine.content.findings import Finding
from engine.content.versions import Seen, running_bundle, running_version
from engine.delivery.dispatch import Delivery
from engine.delivery.identity import STORE, MessageKeys
from engine.delivery.receipt_book import ReceiptBook
from engine.delivery.receipts import Told, read_callback
from engine.delivery.store_adapter import StoreAdapter
from engine.delivery.tally import DeliveryCounts
from engine.errors import ContentError, NothingApplied
from engine.explain.previewing import Previewer
from engine.explain.rehearsal import rehearse
from engine.faults import trail
from engine.kinds import SHIPPED, Kinds, installed_kinds
from engine.loading import Content, examine, load_content
from engine.pipeline import ChunkSettings, Pipeline, Progress, TickSettings, Watch
from engine.rules.decide.decider import Deciders
from engine.settings import Settings, load_settings
from engine.store.database import Database
from engine.store.secrets import InstallationSecret, installation_secret
from engine.store.state_table import Drift
from engine.tasks.links import TaskLinks
from engine.tasks.notices import DueNotice
from engine.tasks.notify import OwnersTold, Telling, tell_owners
from engine.ticking import last_tick, logged, present

_log = structlog.get_logger("habitue.content")


@dataclass(frozen=True, slots=True)
class ContentReading:
    """Compiled content, and the version that was running before its files were read."""

    content: Content
    seen: Seen


class App:
    """Everything that a command or a worker needs, created on first use. Close it at the end."""

    def __init__(self, settings: Settings, clock: Clock, kinds: Kinds = SHIPPED) -> None:
        self.settings = settings
        self.clock = clock
        self.kinds = kinds
        self.deciders = Deciders()
        self._pipelines: dict[str, Pipeline] = {}
        self._deliveries: dict[str, Delivery] = {}
        self._processes: Processes | None = None

    @classmethod
    def open(
        cls, config: Path, at: Instant | None = None, kinds: Kinds | None = None, clock: Clock | None = None
    ) -> "App":
        """Read the settings and return the app; if ``at`` is given, the clock stands still at that instant.

        ``kinds`` defaults to the installed kinds, ``clock`` to the machine's.

        Raises:
            HabitueError: the settings are invalid.
        """
        clock = FixedClock(at) if at is not None else clock or WallClock()
        return cls(load_settings(config), clock, kinds or installed_kinds())

    @cached_property
    def database(self) -> Database:
        """The store."""
        return Database(self.settings.store.url)

    @cached_property
    def composers(self) -> Composers:
        """The processes that render templates and build messages."""
        settings = self.settings.composing
        self._processes = Processes(settings.processes, Limits(settings.time / SECOND, settings.memory << 20))
        return self._processes

    def close(self) -> None:
        """Close the store's connections, and end the processes that compose."""
        self.database.close()
        if self._processes:
            self._processes.close()

    def bundle(self) -> Bundle:
        """Read the brand's files as they are now."""
        folders = self.settings.content
        return read_bundle(folders.rules, folders.playbooks, folders.templates)

    def examine(self, bundle: Bundle | None = None) -> tuple[Content | None, list[Finding]]:
        """Check ``bundle``, or the brand's files as they are now; return the compiled content, and all findings."""
        return examine(bundle or self.bundle(), self.settings, self.deciders, self.kinds)

    def rehearse(self, content: Content) -> list[Finding]:
        """Compose every template for made-up customers; return those that do not work, exceed limits, or that a provider
        would refuse.

        Raises:
            ComposingStopped: nothing can be composed.
            HabitueError: the options of an adapter are invalid.
        """
        previewer = Previewer(content, self.settings.brand, self.composers)
        return rehearse(content, previewer, self.reviews(), self.clock.now())

    def content(self) -> Content:
        """Compile the brand's files as they are now; see ``load``."""
        return self.load(self.bundle())

    def load(self, bundle: Bundle) -> Content:
        """Compile ``bundle``.

        Raises:
            ContentError: with every error of every file.
        """
        return load_content(bundle, self.settings, self.deciders, self.kinds)

    def last_good(self) -> Content | None:
        """Compile the version that ran last; None if there is none.

        Raises:
            ContentError: this version of Habitué cannot read it.
        """
        with self.database.read() as connection:
            bundle = running_bundle(connection)
        return self.load(bundle) if bundle else None

    def seen(self) -> Seen:
        """Return which version is running, for files that are read afterwards."""
        with self.database.read() as connection:
            return Seen(running_version(connection))

    def read(self) -> ContentReading:
        """Return the content that ticks run: the files as they are now or, with ``content.apply = "manual"``, as applied.

        Raises:
            ContentError: with every error of every file.
            NothingApplied: no version was ever applied, and only ``habitue apply`` does that.
        """
        if self.settings.content.apply == "auto":
            seen = self.seen()
            return ContentReading(self.content(), seen)
        bundle = self._applied()
        return ContentReading(self.load(bundle), Seen(bundle.version))

    def bundle_to_run(self) -> Bundle:
        """Return the files that ticks run; see ``read``.

        Raises:
            NothingApplied: as there.
        """
        return self.bundle() if self.settings.content.apply == "auto" else self._applied()

    def _applied(self) -> Bundle:
        """Return the files of the running version."""
        with self.database.read() as connection:
            bundle = running_bundle(connection)
        if bundle is None:
            raise NothingApplied
        return bundle

    def migrate(self, content: Content | None) -> Drift:
        """Create the tables, and adapt the columns of ``user_state`` to ``content``; return what was changed."""
        return make_ready(self.database, content)

    def apply(
        self, content: Content, now: Instant, seen: Seen | None = None, *, columns: bool = False, who: str | None = None
    ) -> Activation | None:
        """Make ``content`` the running version; return what that changed, or None if it was running already.

        Args:
            content: the version.
            now: the instant at which it is applied.
            seen: the version that was running before the files were read; it is applied over no other.
            columns: whether a person applies it, and the columns of ``user_state`` are adapted; otherwise they have to
                match. What a playbook without a file had planned is then cancelled by the next tick, instead of being
                held first, unless no playbook is left at all.
            who: the person who applies it.

        Raises:
            SchemaDrift: the columns of ``user_state`` do not match it.
            VersionReplaced: another version has been applied since the files were read.
        """
        by_hand = columns and content.playbooks.playbooks  # an empty folder is a fault rather than a wish
        hold = 0 if by_hand else self.settings.content.hold_vanished
        wish = Wish(content, seen, columns, who, hold)
        return make_running(self.database, wish, now, self._compiled)

    def plan(self, content: Content, seen: Seen | None = None) -> Activation | None:
        """Return what ``apply`` with columns would change now; None if nothing. Nothing is written."""
        return planned(self.database, Wish(content, seen, columns=True), self._compiled)

    def _compiled(self, bundle: Bundle) -> Content | None:
        """Compile a version that ran before; return None if this program can no longer read it."""
        try:
            return self.load(bundle)
        except ContentError:
            return None
        except Exception as error:  # noqa: BLE001 - the files that replace it may be what mends it
            _log.warning("version not read", version=bundle.version, error=trail(error))
            return None

    def pipeline(self, content: Content) -> Pipeline:
        """Return the tick's stages for ``content``."""
        if content.version not in self._pipelines:
            secret = installation_secret(self.database, "coupons", self.clock.now()).encode()
            schedule, zone = self.settings.schedule, self.settings.brand.timezone
            chunks = ChunkSettings(schedule.chunk, schedule.enrolment_chunk, schedule.sweep_threads)
            tick_settings = TickSettings(chunks, zone, secret, self.settings.content.hold_vanished)
            self._pipelines = {content.version: Pipeline(content, self.database, self.deciders, tick_settings)}
        return self._pipelines[content.version]

    def tick(self, content: Content, now: Instant, watch: Watch = lambda _: None, seen: Seen | None = None) -> Progress:
        """Run one pass of the pipeline at ``now`` and record it.

        Time only moves forward in a store: if ``now`` is before the last tick, nothing is done.

        Raises:
            SchemaDrift: see ``apply``.
            VersionReplaced: see ``apply``.
        """
        last = self.last_tick()
        if last is not None and last > now:
            return Progress(lived_until=last)
        self.apply(content, now, seen)

        def work(note: Watch) -> Progress:
            return self.pipeline(content).tick(now, note)

        return logged(self.database, content.version, now, work, watch)

    def last_tick(self) -> Instant | None:
        """Return the instant of the newest tick; None before the first."""
        return last_tick(self.database)

    def present(self) -> Instant:
        """Return the clock's instant, or that of the last tick if another worker's clock is slightly ahead."""
        return present(self.database, self.clock)

    def in_flight(self) -> bool:
        """Tell whether a message has been handed over whose answer is not recorded yet."""
        with self.database.read() as connection:
            return anything_handed_off(connection)

    def adapters(self) -> Mapping[str, tuple[Outlet, ...]]:
        """Return the configured adapters of each channel.

        They get the machine's own time, which providers compare with theirs, also where the app's clock stands still.

        Raises:
            HabitueError: a channel or an adapter is unknown, an adapter does not serve its channel, or its options are
                invalid.
        """
        made = make_adapters(self.settings, self.kinds.channels, self.kinds.adapters, WallClock().now)
        for one in chain.from_iterable(made.values()):
            if isinstance(one.adapter, StoreAdapter):
                one.adapter.use(self.database, self.settings)
        return made

    def reviews(self) -> Mapping[str, MessageReview]:
        """Return, for each channel whose provider has rules that are known beforehand, what they say about a message.

        Raises:
            HabitueError: the options of an adapter are invalid.
        """
        return make_reviews(self.settings, self.kinds.adapters)

    def delivery(self, content: Content) -> Delivery:
        """Return the delivery of due actions; created once per version of the content."""
        if content.version not in self._deliveries:
            self._deliveries = {content.version: self._make_delivery(content)}
        return self._deliveries[content.version]

    def _make_delivery(self, content: Content) -> Delivery:
        return Delivery(
            self.database,
            content.library,
            content.catalog,
            self.adapters(),
            self.settings,
            self.clock,
            self.composers,
            content.playbooks.coupons,
            self.kinds.channels,
            self.kinds.gates,
            repeatable=[kind.name for kind in self.kinds.adapters if kind.repeatable],
            segments=content.segments,
        )

    def deliver(self, content: Content) -> DeliveryCounts:
        """Deliver everything that is due now; return the counts."""
        return asyncio.run(self.delivery(content).drain())

    def tell_owners(self) -> OwnersTold:
        """Tell the brand's people of their tasks: of new ones, and of what is overdue; return what was done.

        Raises:
            StoreError: the database cannot be used.
            HabitueError: an adapter's options are invalid.
        """
        telling = Telling(
            self.database, self.settings.tasks, self.settings.brand, self._first_adapters, self._task_link
        )
        return tell_owners(telling, self.clock.now())

    def task_links(self) -> TaskLinks:
        """Return what makes and reads the links of tasks."""
        web, secret = self.settings.web, installation_secret(self.database, "tasks", self.clock.now())
        return TaskLinks(secret, web.public_url or f"http://{web.listen}")

    def _first_adapters(self) -> Mapping[str, Adapter]:
        """Return the adapter of each channel that serves people: the first."""
        return {channel: outlets[0].adapter for channel, outlets in self.adapters().items()}

    def _task_link(self, notice: DueNotice) -> str:
        return self.task_links().url(notice) if self.settings.web.listen else ""

    def receive(self, adapter: str, headers: Mapping[str, str], body: bytes, url: str = "") -> Received:
        """Process a provider's HTTP callback: receipts, and what people wrote back. Return how many were new.

        ``url`` is what the provider called.

        Raises:
            CallbackError: the call is not authentic (``NotAuthentic``), or cannot be read: nothing was written.
            NoReceipts: there is no such adapter, it is not configured, or it does not support receipts.
            HabitueError: its options are invalid, or the store cannot be used.
        """
        callback = Callback({name.lower(): value for name, value in headers.items()}, body, url, self.clock.now())
        return self.store_receipts([self.read_receipts(adapter, callback)])

    def read_receipts(self, adapter: str, callback: Callback) -> Told:
        """Verify and read a provider's callback; nothing is written.

        Raises:
            as ``receive``.
        """
        return read_callback(self.settings, self.kinds.adapters, adapter, callback)

    def store_receipts(self, told: Sequence[Told]) -> Received:
        """Store what calls said, in one transaction; return how much of it was new."""
        keys = MessageKeys(InstallationSecret(self.database, STORE, self.clock))
        if any(one.key for call in told for one in call.receipts):
            keys.prepare()
        book = ReceiptBook(self.database.dialect, self.kinds.channels, keys, self.settings)
        return self.database.in_transaction(partial(book.write, told=told, now=self.clock.now()))
