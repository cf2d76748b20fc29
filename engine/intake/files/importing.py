"""Importing one file: it is read in batches, and each batch is committed together with the progress."""

import gc
import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Protocol, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DataError

from engine.clock import Clock, Instant
from engine.content.declared import Declared
from engine.content.findings import did_you_mean
from engine.errors import InputError
from engine.intake.files.options import ImportOptions
from engine.intake.files.plan import Plan
from engine.intake.files.progress import how_far, note_progress
from engine.intake.files.records import Batch, CsvRecords, JsonRecords, Rejected
from engine.intake.files.rejects import Rejects, rejects_file
from engine.intake.files.source import OpenSource, Source, open_source
from engine.intake.files.summary import ImportSummary, ImportTally, Kind
from engine.intake.rows.device_rows import DeviceRows
from engine.intake.rows.event_rows import EventRows
from engine.intake.rows.model import DeviceRow, EventTuple, SuppressionRow, UserRow, Written
from engine.intake.rows.suppression_rows import SuppressionRows
from engine.intake.rows.user_rows import UserRows
from engine.intake.write.consents import IMPORTED
from engine.intake.write.devices import write_devices
from engine.intake.write.events import write_events
from engine.intake.write.users import write_users
from engine.store.database import Database
from engine.store.dialects import Dialect
from engine.store.pace import Pace, PacedWriter

Progress = Callable[[int, int], None]
"""Called with the bytes read so far and the size of the whole file."""
Row = TypeVar("Row", EventTuple, UserRow, DeviceRow, SuppressionRow)
Write = Callable[[Connection, Dialect, Sequence[Row], Instant], Written]


class Rows(Protocol[Row]):
    """Converts batches to rows."""

    plan: Plan

    def rows(self, batch: Batch) -> tuple[list[Row], list[Rejected]]:
        """Return the rows to import, and the rejected ones."""
        ...


@dataclass(frozen=True)
class _Job:
    """One import with everything it needs."""

    kind: Kind
    database: Database
    source: Source
    opened: OpenSource
    options: ImportOptions
    clock: Clock
    progress: Progress
    fingerprint: str

    def __post_init__(self) -> None:
        """Refuse a file for rejected rows that must not be written, before anything is done."""
        rejects_file(self.rejected_file).check(self.opened.inputs)

    def start(self) -> ImportSummary:
        return ImportSummary(self.kind, self.source.name, dry_run=self.options.dry_run)

    @property
    def rejected_file(self) -> Path:
        beside = self.source.path or Path("stdin")
        return self.options.rejected or beside.with_name(f"{beside.name}.rejected.csv")


def import_events(
    database: Database,
    source: Source,
    declared: Declared,
    options: ImportOptions,
    clock: Clock,
    *,
    progress: Progress | None = None,
) -> ImportSummary:
    """Import a file of events; an interrupted import continues where it stopped, a finished one changes nothing.

    Raises:
        InputError: the file cannot be parsed; rows committed before that stay.
    """
    with open_source(source) as opened:
        fingerprint = _fingerprint("events", opened, options, declared)
        job = _Job("events", database, source, opened, options, clock, progress or _silent, fingerprint)
        if (before := _finished(job)) is not None:
            return before
        with closing(_records(job)) as records, closing(EventRows(declared, options, records.header)) as rows:
            summary = _through(job, records, rows, partial(write_events, channels=declared.channels))
            known = declared.events.keys()
            unknown = [f"{name}{did_you_mean(name, known)}" for name in rows.names if known and name not in known]
            return replace(
                summary,
                events=dict(rows.names.most_common()),
                unknown_events=unknown,
                first_at=rows.first_at,
                last_at=rows.last_at,
            )


def import_users(
    database: Database,
    source: Source,
    declared: Declared,
    options: ImportOptions,
    clock: Clock,
    *,
    progress: Progress | None = None,
) -> ImportSummary:
    """Import a file of users, as ``import_events`` does one of events.

    Raises:
        InputError: the file cannot be parsed; rows committed before that stay.
    """
    rows = partial(UserRows, declared, options, source=source.name)
    write = partial(write_users, channels=declared.channels)
    return _import("users", database, source, declared, options, clock, progress, rows, write)


def import_devices(
    database: Database,
    source: Source,
    declared: Declared,
    options: ImportOptions,
    clock: Clock,
    *,
    progress: Progress | None = None,
) -> ImportSummary:
    """Import a file of users' devices, as ``import_events`` does one of events.

    Raises:
        InputError: the file cannot be parsed; rows committed before that stay.
    """
    rows = partial(DeviceRows, options, source=f"{IMPORTED}{source.name}")
    write = partial(write_devices, channels=declared.channels)
    return _import("devices", database, source, declared, options, clock, progress, rows, write)


def _import(  # noqa: PLR0917 - what the imports share
    kind: Kind,
    database: Database,
    source: Source,
    declared: Declared,
    options: ImportOptions,
    clock: Clock,
    progress: Progress | None,
    rows_of: Callable[[Sequence[str]], Rows[Row]],
    write: Write[Row],
) -> ImportSummary:
    """Import a file whose rows ``rows_of`` reads, by the file's header, and ``write`` stores."""
    with open_source(source) as opened:
        fingerprint = _fingerprint(kind, opened, options, declared)
        job = _Job(kind, database, source, opened, options, clock, progress or _silent, fingerprint)
        if (before := _finished(job)) is not None:
            return before
        with closing(_records(job)) as records:
            return _through(job, records, rows_of(records.header), write)


@dataclass(frozen=True)
class SuppressedChannel:
    """What the import of suppressed addresses needs to know about their channel."""

    name: str
    form: Callable[[str], str | None]
    """Returns an address as the list stores it; None if it is not one of this channel."""
    sample: str


def import_suppressions(
    database: Database,
    source: Source,
    channel: SuppressedChannel,
    options: ImportOptions,
    clock: Clock,
    *,
    write: Write[SuppressionRow],
    progress: Progress | None = None,
) -> ImportSummary:
    """Import a file of addresses that get no more messages on ``channel``, as ``import_events`` does one of events.

    Raises:
        InputError: the file cannot be parsed; rows committed before that stay.
    """
    with open_source(source) as opened:
        said = ("suppressions", opened.digest, opened.format, options.digest(), channel.name)
        job = _Job("suppressions", database, source, opened, options, clock, progress or _silent, _digest(said))
        if (before := _finished(job)) is not None:
            return before
        with closing(_records(job)) as records:
            rows = SuppressionRows(channel.form, channel.sample, options, records.header)
            return replace(_through(job, records, rows, write), undated=rows.undated)


def _fingerprint(kind: Kind, opened: OpenSource, options: ImportOptions, declared: Declared) -> str:
    return _digest((kind, opened.digest, opened.format, options.digest(), declared.digest()))


def _digest(said: object) -> str:
    return hashlib.sha256(repr(said).encode()).hexdigest()


def _silent(_done: int, _all: int) -> None:
    """Show no progress."""


def _finished(job: _Job) -> ImportSummary | None:
    with job.database.read() as connection:
        rows, finished = how_far(connection, job.fingerprint)
    if not finished or job.options.again or job.options.dry_run:
        return None
    return replace(job.start(), read=rows, earlier=rows, finished_before=True)


def _records(job: _Job) -> CsvRecords | JsonRecords:
    return JsonRecords(job.opened) if job.opened.format == "jsonl" else CsvRecords(job.opened, job.options.delimiter)


def _through(job: _Job, records: CsvRecords | JsonRecords, rows: Rows[Row], write: Write[Row]) -> ImportSummary:
    """Import the file to its end.

    What an earlier run committed is read again, for the rejected rows and the keys of rows without one, but not
    written again.
    """
    committed = _committed(job)
    tally = ImportTally()
    pace = Pace(job.options.chunk, job.database.longest_chunk)

    def size() -> int:
        # A batch never has rows of both kinds: those that are committed, and those that are not.
        return min(job.options.chunk, committed - tally.read) if tally.read < committed else pace.size()

    with Rejects(job.rejected_file, records.header) as rejects, _without_cyclic_gc():
        for batch in records.batches(size):
            taken, bad = rows.rows(batch)
            rejects.add(chain(bad, batch.broken))
            tally.note(batch.count, rows.plan)
            if tally.read <= committed:
                tally.earlier += batch.count
            elif not job.options.dry_run:
                tally.add(_commit(job, taken, write, tally.read, pace))
            gc.collect(0)
            job.progress(job.opened.raw.tell(), job.opened.size)
    if not job.options.dry_run:
        with job.database.write() as connection:
            note_progress(connection, job.fingerprint, tally.read, job.clock.now(), finished=True)
    return tally.summary(job.start(), rejects)


@contextmanager
def _without_cyclic_gc() -> Iterator[None]:
    """Turn off the cyclic garbage collector: it would run every few hundred rows and take a third of the time.

    Rows are freed without it, by reference counting; cycles are collected once a chunk.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _committed(job: _Job) -> int:
    with job.database.read() as connection:
        rows, finished = how_far(connection, job.fingerprint)
    return 0 if finished or job.options.dry_run else rows


def _commit(job: _Job, taken: list[Row], write: Write[Row], read: int, pace: Pace) -> Written:
    now = job.clock.now()

    def chunk(connection: Connection) -> tuple[int, Written]:
        try:
            written = write(connection, job.database.dialect, taken, now)
        except (DataError, connection.dialect.loaded_dbapi.DataError) as error:
            # Not `from error`: what the database says of a value repeats it, and with it a customer's data.
            state = getattr(getattr(error, "orig", error), "sqlstate", None)
            raise InputError(
                f"{job.source.name}: the database refuses a value (SQLSTATE {state}) in the last {len(taken)} of the"
                f" first {read} rows: nothing of these was written; import the file in parts to find the row"
            ) from None
        note_progress(connection, job.fingerprint, read, now, finished=False)
        return len(taken), written

    return PacedWriter(job.database, pace).write(chunk)[1]
