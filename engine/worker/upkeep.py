"""The worker's jobs besides ticks: calibration, retention, heartbeats, and claiming scheduled runs."""

from collections.abc import Callable
from functools import partial

from sqlalchemy import Connection, delete, insert, text

from engine.actions.content import forget_contents
from engine.app import App
from engine.clock import DAY, Instant, iso
from engine.facts.calibrate import calibrate, uncalibrated
from engine.loading import Content
from engine.store.database import Database
from engine.store.tables import Slot, Tick, Worker

Upkeep = Callable[[App, Content, Instant], None]
"""A job that only one worker runs each time it is due."""

SILENT_FOR = 7 * DAY
"""A worker that has not been seen for this long is deleted."""
KEEP_SLOTS = 400 * DAY
"""How long slots are kept: until the same yearly occasion cannot recur."""


def claim_slot(database: Database, schedule: str, slot: Instant, now: Instant) -> bool:
    """Claim one run of ``schedule``; return False if another worker has it."""
    claim = text("INSERT INTO slot (schedule, slot, taken_at) VALUES (:schedule, :slot, :now) ON CONFLICT DO NOTHING")
    with database.write() as connection:
        return connection.execute(claim, {"schedule": schedule, "slot": iso(slot), "now": now}).rowcount == 1


def recalibrate(app: App, content: Content, now: Instant) -> None:
    """Compute the cut points of all quantile facts again."""
    app.database.in_transaction(
        partial(calibrate, dialect=app.database.dialect, catalog=content.catalog, now=now),
    )


def calibrate_new(app: App, content: Content, now: Instant) -> None:
    """Compute cut points for quantile facts that have none, so that a new brand need not wait for the nightly run."""
    with app.database.read() as connection:
        lacking = uncalibrated(connection, content.catalog)
    if lacking:
        recalibrate(app, content, now)


def clean_up(app: App, _content: Content, now: Instant) -> None:
    """Delete ticks, slots, workers and the contents of messages that are past their retention."""

    def work(connection: Connection) -> None:
        connection.execute(delete(Tick).where(Tick.at < now - app.settings.schedule.keep_ticks))  # type: ignore[arg-type]
        connection.execute(delete(Slot).where(Slot.taken_at < now - KEEP_SLOTS))  # type: ignore[arg-type]
        connection.execute(delete(Worker).where(Worker.seen_at < now - SILENT_FOR))  # type: ignore[arg-type]
        forget_contents(connection, Instant(now - app.settings.schedule.keep_content))

    app.database.in_transaction(work)


class Heartbeat:
    """This process's row in the table of workers."""

    def __init__(self, database: Database, name: str) -> None:
        self.name = name
        self._database = database
        self._started_at: Instant | None = None

    def beat(self, now: Instant, version: str | None, message: str | None) -> None:
        """Record that this worker is alive, which version it runs, and what an admin should know."""
        self._started_at = self._started_at or now
        row = {"started_at": self._started_at, "seen_at": now, "content_version": version, "message": message}
        with self._database.write() as connection:
            connection.execute(delete(Worker).where(Worker.name == self.name))  # type: ignore[arg-type]
            connection.execute(insert(Worker).values({"name": self.name, **row}))

    def remove(self) -> None:
        """Delete the row, after an orderly shutdown."""
        with self._database.write() as connection:
            connection.execute(delete(Worker).where(Worker.name == self.name))  # type: ignore[arg-type]
