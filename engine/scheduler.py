"""The worker: APScheduler wakes the tick, calibration and retention; delivery runs beside them until told to stop.

The scheduler's jobs live in memory. What must happen once among several workers takes its row (schedule, slot) in the
store first.
"""

import asyncio
import os
import platform
import signal
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from engine.app import App
from engine.clock import MINUTE, SECOND, Instant
from engine.content.findings import Finding
from engine.delivery.dispatch import Delivery
from engine.errors import ContentError, HabitueError, StoreError
from engine.loading import Content
from engine.pipeline import Progress
from engine.upkeep import Heartbeat, clean_up, recalibrate, take_slot

PARTS = ("ticks", "delivery")
"""What ``habitue run --only`` can choose."""

log = structlog.get_logger("habitue.worker")


class Stopping(Exception):
    """The worker was told to stop."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Which parts of the worker this process runs."""

    ticks: bool = True
    delivery: bool = True


class WorkerProcess:
    """One process of ``habitue run``."""

    def __init__(self, app: App, parts: Parts) -> None:
        self._app = app
        self._parts = parts
        self._stop = asyncio.Event()
        self._heartbeat = Heartbeat(app.database, f"{platform.node()}:{os.getpid()}")
        self._content: Content | None = None
        self._delivery: Delivery | None = None
        self._refused = ""

    async def run(self) -> None:
        """Work until SIGTERM or SIGINT; then finish the chunk and the messages at hand, and return.

        Raises:
            HabitueError: the files have errors and no good version ever ran here, or the store cannot be used.
        """
        content = await asyncio.to_thread(self._load)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        self._heartbeat.beat(self._app.clock.now(), content.version, self._message())
        log.info("started", worker=self._heartbeat.name, version=content.version)
        scheduler = self._schedule()
        scheduler.start()
        try:
            await self._deliver(content) if self._parts.delivery else await self._stop.wait()
        finally:
            await self._finish(scheduler)

    async def _deliver(self, content: Content) -> None:
        """Deliver until told to stop; after a new version of the templates, with those."""
        self._delivery = self._app.delivery(content)
        await self._delivery.run(self._stop)

    async def _finish(self, scheduler: AsyncIOScheduler) -> None:
        self._stop.set()
        scheduler.shutdown(wait=False)
        running = [task for task in asyncio.all_tasks() if task.get_name().startswith("habitue-job")]
        await asyncio.gather(*running, return_exceptions=True)
        await asyncio.to_thread(self._heartbeat.leave)
        log.info("stopped", worker=self._heartbeat.name)

    def _schedule(self) -> AsyncIOScheduler:
        """Return the scheduler with its jobs; a job that is late runs once, whatever it missed."""
        schedule = self._app.settings.schedule
        scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        if self._parts.ticks:
            seconds = schedule.tick / SECOND
            scheduler.add_job(self._job, IntervalTrigger(seconds=seconds), [self._tick])
            scheduler.add_job(self._job, None, [self._tick])
            for name, crontab, work in (
                ("calibrate", schedule.calibrate, recalibrate),
                ("retention", schedule.retention, clean_up),
            ):
                scheduler.add_job(self._job, CronTrigger.from_crontab(crontab, "UTC"), [self._once(name, work)])
        scheduler.add_job(self._job, IntervalTrigger(seconds=15), [self._beat])
        return scheduler

    async def _job(self, work: Callable[[], None]) -> None:
        """Run ``work`` in a thread; log what goes wrong and let the next turn try again."""
        task = asyncio.current_task()
        if task:
            task.set_name(f"habitue-job-{id(work)}")
        try:
            await asyncio.to_thread(work)
        except Stopping:
            log.info("tick ended early", reason="stopping")
        except StoreError as error:
            log.error("store", error=str(error))
        except Exception as error:
            log.exception("job failed", kind=type(error).__name__)

    def _tick(self) -> None:
        content = self._load()
        now = self._app.present()
        done = self._app.tick(content, now, self._watch)
        if done != Progress():
            log.info(
                "tick",
                users=done.users,
                transitions=done.transitions,
                enrolments=done.enrolments,
                advanced=done.advanced,
            )

    def _watch(self, _done: Progress) -> None:
        # Called between two transactions, so ending here leaves nothing half-done.
        if self._stop.is_set():
            raise Stopping

    def _beat(self) -> None:
        self._heartbeat.beat(self._app.clock.now(), self._content.version if self._content else None, self._message())

    def _once(self, name: str, work: Callable[[App, Content, Instant], None]) -> Callable[[], None]:
        """Return a job that does ``work`` unless another worker took the same minute's slot."""

        def job() -> None:
            now = self._app.clock.now()
            content = self._content
            if content and take_slot(self._app.database, name, Instant(now // MINUTE * MINUTE), now):
                work(self._app, content, now)
                log.info(name)

        return job

    def _load(self) -> Content:
        """Return the content to run: the files as they are, or the last good version while they have errors."""
        try:
            bundle = self._app.bundle()
            if self._content and bundle.version == self._content.version:
                self._refused = ""
                return self._content
            self._use(self._app.load(bundle))
        except ContentError as error:
            self._refuse(error.findings)
        except HabitueError as error:
            self._refuse([Finding("config.toml", 0, str(error))])
        if self._content is None:
            self._content = self._app.last_good()
        if self._content is None:
            raise HabitueError(f"{self._refused}; no good version ever ran here: `habitue check` shows all errors")
        return self._content

    def _use(self, content: Content) -> None:
        if self._delivery:
            self._delivery.replace_content(content.library, content.catalog, content.coupon_worths())
        self._content, self._refused = content, ""

    def _refuse(self, findings: "list[Finding] | tuple[Finding, ...]") -> None:
        message = (
            f"the files have {len(findings)} errors, the first: {findings[0]}; the last good version keeps running"
        )
        if message != self._refused:
            log.error("files refused", errors=len(findings), first=str(findings[0]))
        self._refused = message

    def _message(self) -> str | None:
        return self._refused or None


def run_worker(app: App, parts: Parts) -> None:
    """Run the worker in this process until it is told to stop."""
    asyncio.run(WorkerProcess(app, parts).run())
