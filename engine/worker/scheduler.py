"""The worker: ticks, calibration and retention in turns; delivery runs alongside until told to stop.

Turns are counted by a clock that nobody can set. A job that must run once across all workers first claims its row
(schedule, slot) in the store.
"""

import asyncio
import os
import platform
import signal
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import structlog

from engine.alerts.targets import targets_of
from engine.app import App, ContentReading
from engine.calendar.crontab import ScheduledJob
from engine.clock import SECOND, iso
from engine.delivery.dispatch import Delivery
from engine.errors import HabitueError, SchemaDrift, VersionReplaced
from engine.explain.notices import Notice, NoticeKind, of_alarm
from engine.faults import trail
from engine.pipeline import Progress
from engine.settings import ScheduleSettings
from engine.worker.alerting import Alerting
from engine.worker.clock_watch import ClockWatch
from engine.worker.content_watch import watch_content
from engine.worker.turns import every, stopped
from engine.worker.upkeep import Heartbeat, Upkeep, calibrate_scores, clean_up, run_once

BEAT = 15
"""Seconds between heartbeats."""
UPKEEP = 60
"""Seconds between two looks at the crontabs of nightly jobs."""
TELLING = 15
"""Seconds between two looks at what owners of tasks are to be told."""
CLOCK = 1
"""Seconds between two looks at the clock."""
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
"""Seconds before delivery restarts after an unexpected error; doubled after each."""

log = structlog.get_logger("habitue.worker")


class Stopping(Exception):
    """The worker was told to stop."""


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """Which parts of the worker run in this process."""

    ticks: bool = True
    delivery: bool = True


class Companion(Protocol):
    """What a worker's process does besides, such as answering HTTP requests. It outlives its own errors."""

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop."""
        ...

    def notices(self) -> Sequence[Notice]:
        """Return what an admin should know now."""
        ...


class WorkerProcess:
    """One process of ``habitue run``."""

    def __init__(self, app: App, parts: WorkerParts, companions: Sequence[Companion] = ()) -> None:
        self._app = app
        self._parts = parts
        self._companions = companions
        self._stop = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._heartbeat = Heartbeat(app.database, f"{platform.node()}:{os.getpid()}")
        self._content = watch_content(app)
        self._delivery: Delivery | None = None
        self._delivered = ""
        """Version of the content that delivery is using."""
        self._clock_message = ""
        """What to tell an admin if the store's last tick is ahead of this machine's clock."""
        self._failure = ""
        """What to tell an admin if the last tick or look at the files failed."""
        self._waits_for_columns = False
        """Whether the last tick found the columns changed since the files were checked."""
        self._clock_watch = ClockWatch(app.clock)
        self._jump_message = ""
        """What to tell an admin if this machine's clock has just jumped."""
        self._upkeep = _upkeep(app.settings.schedule) if parts.ticks else ()
        targets = targets_of(app.settings.alerts)
        self._alerting = Alerting(app, targets, lambda: self._content.current) if targets else None

    async def run(self) -> None:
        """Work until SIGTERM or SIGINT; then finish the current chunk and messages, and return.

        Raises:
            HabitueError: the files have errors and no good version has ever run here, or the store cannot be used.
        """
        self._handle_signals()
        content = (await asyncio.to_thread(self._content.refresh)).content
        if self._parts.delivery:
            self._delivery, self._delivered = self._app.delivery(content), content.version
        await asyncio.to_thread(self._beat)
        log.info("started", worker=self._heartbeat.name, version=content.version)
        beside = (companion.run(self._stop) for companion in self._companions)
        turns = [asyncio.create_task(turn) for turn in (*self._turns(), *beside)]
        try:
            await (self._deliver(self._delivery) if self._delivery else self._stop.wait())
        finally:
            await self._finish(turns)

    def _handle_signals(self) -> None:
        self._loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._stop_soon)

    def _stop_soon(self) -> None:
        """Start an orderly shutdown; a second Ctrl-C does not wait for it."""
        self._stop.set()
        if self._loop:
            self._loop.remove_signal_handler(signal.SIGINT)

    async def _deliver(self, delivery: Delivery) -> None:
        """Deliver until told to stop; log unexpected errors and restart delivery."""
        pause = _FIRST_PAUSE
        while not self._stop.is_set():
            try:
                await delivery.run(self._stop)
            except HabitueError:
                raise
            except Exception as error:  # noqa: BLE001 - one error must not end the worker
                log.error("delivery failed", error=trail(error), next_try=pause)
                pause = await self._pause(pause)

    async def _pause(self, seconds: float) -> float:
        """Wait, or return early on shutdown; return how long to wait the next time."""
        return seconds if await stopped(self._stop, seconds) else min(seconds * 2, _LONGEST_PAUSE)

    async def _finish(self, turns: Iterable[asyncio.Task[None]]) -> None:
        """Let running jobs reach their next commit, then shut down."""
        self._stop.set()
        await asyncio.gather(*turns)
        try:
            await asyncio.to_thread(self._heartbeat.remove)
        except HabitueError as error:
            log.warning("heartbeat not removed", error=str(error))
        log.info("stopped", worker=self._heartbeat.name)

    # --- scheduled jobs ------------------------------------------------------------------------------------------

    def _turns(self) -> Iterator[Coroutine[None, None, None]]:
        """Yield everything that this process does in turns."""
        tick: Callable[[], object] = self._tick if self._parts.ticks else self._refresh_content
        yield every(
            self._app.settings.schedule.tick / SECOND, partial(self._job, partial(self._reported, tick)), self._stop
        )
        yield every(BEAT, partial(self._job, self._beat), self._stop, first=BEAT)
        yield every(CLOCK, partial(self._job, self._watch_clock), self._stop)
        if self._alerting:
            yield self._alerting.run(self._stop)
        if self._parts.delivery:
            yield every(TELLING, partial(self._job, self._tell_owners), self._stop)
        if self._upkeep:
            yield every(UPKEEP, partial(self._job, self._keep_up), self._stop, first=UPKEEP)

    async def _job(self, work: Callable[[], object]) -> None:
        """Run ``work`` in a thread; log errors, and leave it to the next run to try again."""
        try:
            await asyncio.to_thread(work)
        except Stopping:
            log.info("tick ended early", reason="stopping")
        except HabitueError as error:
            log.error("job failed", why=str(error))
        except Exception as error:  # noqa: BLE001 - the next run tries again; the error's text may contain personal data
            log.error("job failed", error=trail(error))

    def _tell_owners(self) -> None:
        """Tell owners of their tasks. Only a worker logs it: commands print what they did themselves."""
        done = self._app.tell_owners()
        if done.overdue:
            log.warning("tasks_overdue", tasks=done.overdue)
        if done.sent or done.failed:
            log.info("owners_told", sent=done.sent, failed=done.failed)

    def _reported(self, work: Callable[[], object]) -> None:
        """Do ``work``; what keeps it from working reaches ``status``, since a tick may fail before it is in the log of ticks."""
        try:
            work()
        except Stopping:
            raise
        except HabitueError as error:
            self._note_failure(str(error))
            raise
        except Exception as error:
            self._note_failure(trail(error))
            raise
        self._note_failure("")

    def _tick(self) -> None:
        self._watch_clock()
        reading = self._refresh_content()
        content, now = reading.content, self._app.present()
        try:
            done = self._app.tick(content, now, self._watch, reading.seen)
        except VersionReplaced as error:
            log.info("tick waits", why=f"{error}; the next tick reads them again")
            return
        except SchemaDrift:
            if self._waits_for_columns:
                raise
            self._waits_for_columns = True
            log.info("tick waits", why="`habitue migrate` changed the columns just now; the next tick reads the files")
            return
        self._waits_for_columns = False
        self._note_clock(done)
        if done.ended_early is not None:
            log.info("tick ended early", why=done.ended_early)
        if replace(done, lived_until=None, alarms=(), ended_early=None) != Progress():
            log.info(
                "tick",
                users=done.users,
                transitions=done.transitions,
                enrolments=done.enrolments,
                actions=done.actions,
            )
        self._keep_up()

    def _keep_up(self) -> None:
        for job, upkeep in self._upkeep:
            self._once(job, upkeep)

    def _note_failure(self, said: str) -> None:
        if said != self._failure:
            self._failure = said
            self._beat()

    def _watch_clock(self) -> None:
        """Say when this machine's clock jumps."""
        if (said := self._clock_watch.look()) != self._jump_message:
            self._jump_message = said
            self._beat()

    def _note_clock(self, done: Progress) -> None:
        """Warn if the store's last tick is ahead of this machine's clock: no tick runs until the clock catches up."""
        said = ""
        if done.lived_until is not None:
            said = (
                f"this clock is behind the store, whose last tick was at {iso(done.lived_until)}: ticks wait until then;"
                " if that is far ahead, see `habitue admin clock`"
            )
        if said == self._clock_message:
            return
        if said:
            log.warning("clock behind", why=said)
        self._clock_message = said
        self._beat()

    def _watch(self, _done: Progress) -> None:
        # Called between two transactions, so stopping here leaves nothing half-done.
        if self._stop.is_set():
            raise Stopping

    def _refresh_content(self) -> ContentReading:
        """Read changed files; hand new content to delivery, in its own thread, and report problems to admins."""
        before = self._content.message
        reading = self._content.refresh()
        content = reading.content
        if self._loop and self._delivery and content.version != self._delivered:
            self._delivered = content.version
            parts = (content.library, content.catalog, content.playbooks.coupons, content.segments)
            self._loop.call_soon_threadsafe(self._delivery.replace_content, *parts)
        if self._content.message != before:
            self._beat()
        return reading

    def _beat(self) -> None:
        content = self._content.current
        alarms = self._delivery.alarms if self._delivery else ()
        said = (
            (NoticeKind.FILES, self._content.message),
            (NoticeKind.CLOCK, self._clock_message),
            (NoticeKind.CLOCK, self._jump_message),
            (NoticeKind.TICK, self._failure),
        )
        notices = [Notice(kind, message) for kind, message in said if message]
        notices += map(of_alarm, alarms)
        notices += (notice for companion in self._companions for notice in companion.notices())
        self._heartbeat.beat(self._app.clock.now(), content.version if content else None, notices)

    def _once(self, job: ScheduledJob, upkeep: Upkeep) -> None:
        """Do ``upkeep`` unless a worker has done the latest run of ``job``.

        It is asked when a run is due, and after each tick, which takes up a run that was missed or did not end.
        """
        content = self._content.current
        if content is None:
            return
        try:
            if run_once(self._app, content, job, upkeep, self._app.clock.now()):
                log.info(job.name)
        except VersionReplaced as error:
            log.info("job waits", job=job.name, why=str(error))


def _upkeep(schedule: ScheduleSettings) -> tuple[tuple[ScheduledJob, Upkeep], ...]:
    return (
        (ScheduledJob("calibrate", schedule.calibrate), calibrate_scores),
        (ScheduledJob("retention", schedule.retention), clean_up),
    )


def run_worker(app: App, parts: WorkerParts, companions: Sequence[Companion] = ()) -> None:
    """Run the worker in this process, with its companions, until it is told to stop."""
    asyncio.run(WorkerProcess(app, parts, companions).run())
