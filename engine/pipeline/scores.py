"""The scores' stage: cut points before anybody is placed by a score, and again when values have outgrown them.

A score depends on the values of everybody. So when there are no cut points yet, the facts of all due users are written first,
then the scores are calibrated, and only then are users placed.
"""

from dataclasses import replace
from functools import partial

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from engine.bad_rows import BadRowIsolation
from engine.clock import Instant
from engine.content.versions import hold_version
from engine.errors import StoreError
from engine.facts.calibrate import calibrate, take_calibration_turn
from engine.facts.calibration_needs import CalibrationNeeds
from engine.facts.model import FactCatalog
from engine.pipeline.chunks import Chunks
from engine.pipeline.held import HeldVersion
from engine.pipeline.progress import Progress, Watch
from engine.rules.evaluation import Evaluation
from engine.store.database import Database
from engine.store.due import take_due_users
from engine.store.news import fold_news, newest_news
from engine.store.quarantine import RowKind
from engine.store.sweep import SweepDepth, current_sweep
from engine.store.temporary import DUE_USER


def calibrate_for_version(connection: Connection, catalog: FactCatalog, version: str, now: Instant) -> None:
    """Compute the cut points of all scores again, for ``version`` of the files.

    Raises:
        VersionReplaced: another version is running.
    """
    # Before the version is held: whoever opens a sweep waits for all who hold it.
    take_calibration_turn(connection)
    hold_version(connection, version)
    calibrate(connection, catalog, version, now)


class ScoreStage:
    """Calibrates scores within a tick."""

    def __init__(
        self, database: Database, store: HeldVersion, evaluation: Evaluation, catalog: FactCatalog, chunk: int
    ) -> None:
        self._database = database
        self._store = store
        self._evaluation = evaluation
        self._catalog = catalog
        self._needs = CalibrationNeeds(catalog)
        self._chunk = chunk
        self._pace = store.pace(chunk)
        self._missing = False
        """Whether the facts that were written now show that a score has to be calibrated."""
        self._sweeps_facts = False
        """Whether this tick works off a sweep that computes facts, and so may bring values for a new score."""

    def before_users(self, now: Instant, done: Progress, watch: Watch) -> Progress:
        """Calibrate scores without cut points, as soon as users who are due or were evaluated have values."""
        with self._store.read() as connection:
            lacking, sweep = self._needs.lacks_any(connection), current_sweep(connection)
        self._sweeps_facts = sweep is not None and sweep.need.depth is SweepDepth.FACTS
        if not lacking:
            return done
        self._missing = False
        done = self._find_facts(now, done, watch)
        if self._missing:
            self._calibrate(now)
        return done

    def after_users(self, now: Instant, done: Progress, watch: Watch) -> Progress:
        """Calibrate scores whose values have doubled, and those whose first values came by the sweep of this tick.

        The sweep that this may open belongs to the same tick.
        """
        if not (done.users or self._sweeps_facts):
            return done
        with self._store.read() as connection:
            outgrown = self._needs.outgrown(connection, done.users)
            missing = self._needs.missing(connection) if self._sweeps_facts else ()
        if outgrown or missing:
            self._calibrate(now)
        watch(done)
        return done

    def _calibrate(self, now: Instant) -> None:
        work = partial(calibrate_for_version, catalog=self._catalog, version=self._store.version, now=now)
        self._database.in_transaction(work)

    def _find_facts(self, now: Instant, done: Progress, watch: Watch) -> Progress:
        """Write the facts of all due users, who stay due."""
        chunks = Chunks(self._store, self._pace, BadRowIsolation(self._store, RowKind.USER, "users", self._chunk))
        before, reached = done.quarantined, 0
        with self._store.read() as connection:
            newest = newest_news(connection)
        while True:
            try:
                last = chunks.run(partial(self._facts_chunk, chunks, now, newest, reached))
            except (StoreError, DBAPIError) as error:
                if chunks.failed(error, now):
                    raise
                continue
            if last is None:
                return replace(done, quarantined=before + chunks.quarantined)
            reached = last
            watch(done)

    def _facts_chunk(
        self, chunks: Chunks, now: Instant, newest: int, after: int, connection: Connection
    ) -> tuple[int, int | None]:
        """Write the facts of some due users with ids above ``after``; return the last of them, None if there are none."""
        dialect = self._store.dialect
        fold_news(connection, dialect, now, newest)
        users = take_due_users(connection, dialect, now, chunks.limit, after=after)
        if not users:
            return 0, None
        last: int = connection.execute(text(f"SELECT max(user_id) FROM {DUE_USER}")).scalar_one()
        if users == 1:
            chunks.suspect(last)
        self._evaluation.find_facts(connection, now)
        self._missing = bool(self._needs.missing(connection, DUE_USER)) or self._missing
        return users, last
