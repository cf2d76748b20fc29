"""What the worker does besides ticks: calibration, retention, heartbeats, and taking turns with other workers."""

from collections.abc import Callable

from sqlalchemy import delete, insert, text

from engine.actions.content import forget_contents
from engine.app import App
from engine.clock import DAY, Instant, iso
from engine.facts.calibrate import calibrate, uncalibrated
from engine.loading import Content
from engine.store.database import Database
from engine.store.tables import Slot, Tick, Worker

Upkeep = Callable[[App, Content, Instant], None]
"""Work that one worker does in its turn."""

SILENT_FOR = 7 * DAY
"""A worker that was not seen for so long is forgotten."""
KEEP_SLOTS = 400 * DAY
"""Slots of yearly occasions are needed for as long as one could come up again."""


def claim_slot(database: Database, schedule: str, slot: Instant, now: Instant) -> bool:
    """Take one turn of ``schedule``; false where another worker has it."""
    taking = text("INSERT INTO slot (schedule, slot, taken_at) VALUES (:schedule, :slot, :now) ON CONFLICT DO NOTHING")
    with database.write() as connection:
        return connection.execute(taking, {"schedule": schedule, "slot": iso(slot), "now": now}).rowcount == 1


def recalibrate(app: App, content: Content, now: Instant) -> None:
    """Set the cut points of all quantile facts anew."""
    with app.database.write() as connection:
        calibrate(connection, app.database.dialect, content.catalog, now)


def calibrate_new(app: App, content: Content, now: Instant) -> None:
    """Set the cut points of quantile facts that have none yet: a new brand need not wait for the night."""
    with app.database.read() as connection:
        lacking = uncalibrated(connection, content.catalog)
    if lacking:
        recalibrate(app, content, now)


def clean_up(app: App, _content: Content, now: Instant) -> None:
    """Delete ticks, slots and workers that nobody asks for any more, and what messages said longer ago than is kept."""
    with app.database.write() as connection:
        connection.execute(delete(Tick).where(Tick.at < now - app.settings.schedule.keep_ticks))  # type: ignore[arg-type]
        connection.execute(delete(Slot).where(Slot.taken_at < now - KEEP_SLOTS))  # type: ignore[arg-type]
        connection.execute(delete(Worker).where(Worker.seen_at < now - SILENT_FOR))  # type: ignore[arg-type]
        forget_contents(connection, Instant(now - app.settings.schedule.keep_content))


class Heartbeat:
    """This process's row among the workers."""

    def __init__(self, database: Database, name: str) -> None:
        self.name = name
        self._database = database
        self._started_at: Instant | None = None

    def beat(self, now: Instant, version: str | None, message: str | None) -> None:
        """Say that this worker lives, which version it runs, and what an admin should know."""
        self._started_at = self._started_at or now
        row = {"started_at": self._started_at, "seen_at": now, "content_version": version, "message": message}
        with self._database.write() as connection:
            connection.execute(delete(Worker).where(Worker.name == self.name))  # type: ignore[arg-type]
            connection.execute(insert(Worker).values({"name": self.name, **row}))

    def remove(self) -> None:
        """Take the row away: an orderly end."""
        with self._database.write() as connection:
            connection.execute(delete(Worker).where(Worker.name == self.name))  # type: ignore[arg-type]
