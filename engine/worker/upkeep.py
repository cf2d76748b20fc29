"""The worker's jobs besides ticks: calibration, retention, heartbeats, and claiming scheduled runs."""

from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy import Connection, delete, insert, text

from engine.actions.content import forget_contents
from engine.alerts.memory import forget_alerts
from engine.app import App
from engine.calendar.crontab import ScheduledJob
from engine.clock import DAY, Instant, iso
from engine.delivery.reached_addresses import forget_places
from engine.explain.notices import Notice, packed
from engine.inbox.messages import forget_messages
from engine.intake.write.suppressions import forget_lifted
from engine.loading import Content
from engine.pipeline.scores import calibrate_for_version
from engine.store.database import Database
from engine.store.tables import Reply, Slot, Tick, Worker
from engine.tasks.rows import forget_tasks

Upkeep = Callable[[Connection, App, Content, Instant], None]
"""A job that only one worker runs each time it is due, in one transaction."""

SILENT_FOR = 7 * DAY
"""A worker that has not been seen for this long is deleted."""
KEEP_SLOTS = 400 * DAY
"""How long slots are kept: until the same yearly occasion cannot recur."""


def run_once(app: App, content: Content, job: ScheduledJob, upkeep: Upkeep, now: Instant) -> bool:
    """Do ``upkeep`` for the latest run of ``job`` unless that was done; return whether it was done now.

    The run is claimed in the transaction that does the work. So if a worker dies in it, the run counts as missed, and is
    taken up by whoever asks next.
    """
    run = job.latest_run(now)
    if run is None:
        return False
    slot = iso(run)
    with app.database.read() as connection:
        if _is_claimed(connection, job.name, slot):
            return False

    def work(connection: Connection) -> bool:
        if not _claim(connection, job.name, slot, now):
            return False
        upkeep(connection, app, content, now)
        return True

    return app.database.in_transaction(work)


def _is_claimed(connection: Connection, schedule: str, slot: str) -> bool:
    query = text("SELECT 1 FROM slot WHERE schedule = :schedule AND slot = :slot")
    return connection.execute(query, {"schedule": schedule, "slot": slot}).first() is not None


def _claim(connection: Connection, schedule: str, slot: str, now: Instant) -> bool:
    """Claim one run; return False if another worker has done it. Waits for a worker that is at it."""
    claim = text("INSERT INTO slot (schedule, slot, taken_at) VALUES (:schedule, :slot, :now) ON CONFLICT DO NOTHING")
    return connection.execute(claim, {"schedule": schedule, "slot": slot, "now": now}).rowcount == 1


def calibrate_scores(connection: Connection, _app: App, content: Content, now: Instant) -> None:
    """Compute the cut points of all scores again.

    Raises:
        VersionReplaced: another version of the files is running than ``content``.
    """
    calibrate_for_version(connection, content.catalog, content.version, now)


def recalibrate(app: App, content: Content, now: Instant) -> None:
    """Compute the cut points of all scores again, now.

    Raises:
        VersionReplaced: another version of the files is running than ``content``.
    """
    app.database.in_transaction(partial(calibrate_scores, _app=app, content=content, now=now))


def clean_up(connection: Connection, app: App, _content: Content, now: Instant) -> None:
    """Delete ticks, slots, workers, alerts, replies, contents, inbox messages, tasks, … that are past their retention."""
    connection.execute(delete(Tick).where(Tick.at < now - app.settings.schedule.keep_ticks))  # type: ignore[arg-type]
    connection.execute(delete(Slot).where(Slot.taken_at < now - KEEP_SLOTS))  # type: ignore[arg-type]
    connection.execute(delete(Worker).where(Worker.seen_at < now - SILENT_FOR))  # type: ignore[arg-type]
    outlived = Instant(now - app.settings.schedule.keep_content)
    forget_contents(connection, outlived)
    forget_lifted(connection, outlived)
    forget_places(connection, now)
    forget_alerts(connection, now)
    connection.execute(delete(Reply).where(Reply.at < outlived))  # type: ignore[arg-type]
    forget_messages(connection, expired=now, before=outlived)
    forget_tasks(connection, outlived)


class Heartbeat:
    """This process's row in the table of workers."""

    def __init__(self, database: Database, name: str) -> None:
        self.name = name
        self._database = database
        self._started_at: Instant | None = None

    def beat(self, now: Instant, version: str | None, notices: Sequence[Notice] = ()) -> None:
        """Record that this worker is alive, which version it runs, and what an admin should know."""
        self._started_at = self._started_at or now
        known = {"content_version": version, "notices": packed(notices)}
        row = {"started_at": self._started_at, "seen_at": now, **known}
        with self._database.write() as connection:
            connection.execute(delete(Worker).where(Worker.name == self.name))  # type: ignore[arg-type]
            connection.execute(insert(Worker).values({"name": self.name, **row}))

    def remove(self) -> None:
        """Delete the row, after an orderly shutdown."""
        with self._database.write() as connection:
            connection.execute(delete(Worker).where(Worker.name == self.name))  # type: ignore[arg-type]
