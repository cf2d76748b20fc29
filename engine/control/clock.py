"""The store's clock, which is its last tick: how it compares with the real time, and setting it back.

A tick that was run for an instant far ahead decides about a time that has not come, and every tick until then does nothing.
Setting the clock back takes all of that back that nobody outside has seen, in one transaction, so that the next tick finds
the store as if the wrong one had not been. What was sent stays, and is told.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from engine.actions.quarantined import retry_quarantined
from engine.actions.set_back import ActionsTakenBack, take_back_actions
from engine.clock import CLOCK_SKEW, DAY, Instant, iso
from engine.content.versions import redate_versions
from engine.control.interventions import Hand, record, set_count
from engine.incentives.set_back import take_back_codes
from engine.loading import Content
from engine.playbooks.file.heads import heads_of
from engine.playbooks.retiring import Files, called_off_since, follow_files, look_again, take_back_retirements
from engine.playbooks.set_back import RESTARTING, EnrolmentsTakenBack, take_back_enrolments
from engine.rules.set_back import PlacementsTakenBack, take_back_placements
from engine.store.dialects import dialect_of
from engine.store.quarantine import RowId, RowKind, read_quarantine

_COMMAND = "clock set back"
_QUARANTINED = 1_000_000
"""More rows than a store that works has in quarantine."""


@dataclass(frozen=True, slots=True)
class StoreClock:
    """The store's clock against the real time."""

    last: Instant | None
    """The store's last tick; None before the first."""
    now: Instant

    @property
    def ahead(self) -> int:
        """How many milliseconds it is ahead; 0 if ticks at the real time are run."""
        return 0 if self.last is None or self.last <= self.now + CLOCK_SKEW else self.last - self.now


@dataclass(frozen=True, slots=True)
class ClockSetBack:
    """What was taken back, and what was not."""

    to: Instant
    """Everything later than this was taken back."""
    ticks: int
    placements: PlacementsTakenBack
    enrolments: EnrolmentsTakenBack
    actions: ActionsTakenBack
    codes: int
    occasions: int
    """Dates, schedules and nightly jobs that come again."""
    cut_points: int
    versions: int
    """Versions of files that were dated back."""

    @property
    def rows(self) -> int:
        """How many rows were changed, apart from users who are evaluated again."""
        counted = (self.ticks, self.placements.transitions, self.codes, self.occasions, self.cut_points, self.versions)
        enrolments, actions = self.enrolments, self.actions
        moved = (enrolments.removed, enrolments.resumed, enrolments.ended, actions.removed, actions.restored)
        return sum(counted) + sum(moved)


def read_clock(connection: Connection, now: Instant) -> StoreClock:
    """Return the store's clock against the real time ``now``."""
    last = connection.scalar(text("SELECT max(at) FROM tick"))
    return StoreClock(None if last is None else Instant(last), now)


def set_back(
    connection: Connection, content: Content, hand: Hand, now: Instant, hold_vanished: int = DAY
) -> ClockSetBack | None:
    """Set the store's clock back to the real time ``now``; return None if it is not ahead.

    ``content`` is the running version of the files; ``hold_vanished`` as in ``Files``. While this transaction lasts, no tick
    runs and nothing is applied.
    """
    for table in ("version", "pause"):  # before any row
        dialect_of(connection).lock_table(connection, table)
    if not read_clock(connection, now).ahead:
        return None
    ticked = text("SELECT max(at) FROM tick WHERE at <= :latest")
    last = connection.scalar(ticked, {"latest": now + CLOCK_SKEW})
    since = Instant(max(now, last or 0))
    intervention = record(connection, hand, _COMMAND, f"the store, to {iso(since)}", now)
    done = _take_back(connection, content, since, None if last is None else Instant(last))
    # What had been cancelled is held again before anybody can send it.
    follow_files(connection, Files(heads_of(content.playbooks), None, hold_vanished), now)
    set_count(connection, intervention, done.rows)
    return done


def _take_back(connection: Connection, content: Content, since: Instant, last: Instant | None) -> ClockSetBack:
    binds = {"since": since}
    wrong = connection.execute(text("SELECT at, started_at FROM tick WHERE at > :since"), binds).all()
    first = Instant(min(tick.at for tick in wrong))
    called_off = called_off_since(connection, since)
    actions = take_back_actions(connection, since)
    codes = take_back_codes(connection, content.playbooks.coupons, since)
    enrolments = take_back_enrolments(connection, content.pinned(), since, first)
    further = f"SELECT user_id FROM {RESTARTING}"
    placements = take_back_placements(connection, content.rules.dimensions, since, last, further)
    take_back_retirements(connection, since)
    look_again(connection, since, called_off)
    _retry_quarantined(connection, since)
    counts = {
        table: connection.execute(text(f"DELETE FROM {table} WHERE {column} > :since"), binds).rowcount
        for table, column in (("slot", "taken_at"), ("cut_points", "calibrated_at"), ("tick", "at"))
    }
    return ClockSetBack(
        to=since,
        ticks=counts["tick"],
        placements=placements,
        enrolments=enrolments,
        actions=actions,
        codes=codes,
        occasions=counts["slot"],
        cut_points=counts["cut_points"],
        versions=redate_versions(connection, since, {tick.at: tick.started_at for tick in wrong}),
    )


def _retry_quarantined(connection: Connection, since: Instant) -> None:
    """Retry rows that were quarantined or retried since; forget those of them that are gone."""
    for kind, table in ((RowKind.ACTION, "action"), (RowKind.ENROLMENT, "enrolment")):
        gone = f"DELETE FROM quarantine WHERE kind = :kind AND row_id NOT IN (SELECT id FROM {table})"
        connection.execute(text(gone), {"kind": kind.value})
    quarantined = read_quarantine(connection, _QUARANTINED)
    rows = [RowId(one.kind, one.row_id) for one in quarantined if one.since > since or one.retry_at > since]
    retry_quarantined(connection, since, rows)
