"""The steps' stage: enrolments that are due go on, a few at a time."""

from collections.abc import Collection
from dataclasses import replace
from functools import partial

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from engine.bad_rows import BadRowIsolation
from engine.clock import Instant
from engine.errors import StoreError
from engine.incentives.coupons import CouponIssuer
from engine.incentives.returning import return_codes
from engine.pipeline.chunks import Chunks
from engine.pipeline.held import HeldVersion
from engine.pipeline.progress import Progress, Watch
from engine.playbooks.advance import Advance, Advanced
from engine.playbooks.breakers import PartKind, PlaybookAtFault, PlaybookBreakers, playbooks_of
from engine.playbooks.releasing import release
from engine.store.quarantine import RowKind, forget_passed


class StepStage:
    """Advances enrolments."""

    def __init__(
        self, store: HeldVersion, advance: Advance, coupon_issuer: CouponIssuer, breakers: PlaybookBreakers, chunk: int
    ) -> None:
        self._store = store
        self._advance = advance
        self._coupon_issuer = coupon_issuer
        self._breakers = breakers
        self._chunk = chunk
        self._pace = store.pace(chunk)

    def release(self, now: Instant, done: Progress, watch: Watch) -> Progress:
        """Take back codes whose messages ended unsent, and release what waits for a code, before any newcomer claims one.

        No playbook's code runs here and no enrolment is taken, so an error is neither's: it ends the tick.
        """
        changed = 1
        while changed:
            changed = self._store.in_transaction(partial(self._supply, now))
            watch(done)
        return done

    def _supply(self, now: Instant, connection: Connection) -> int:
        """Take back codes, or else give them out: not in one transaction, because delivery waits for what has ended."""
        looked_at = return_codes(connection, self._coupon_issuer.pools, self._chunk)
        return looked_at or release(connection, self._coupon_issuer, now, self._chunk)

    def run(self, now: Instant, done: Progress, watch: Watch) -> Progress:
        """Advance the enrolments that are due at ``now``."""
        before = done.quarantined
        chunks = Chunks(self._store, self._pace, BadRowIsolation(self._store, RowKind.ENROLMENT, "steps", self._chunk))
        while True:
            try:
                advanced = chunks.run(partial(self._enrolment_chunk, chunks, now))
            except PlaybookAtFault as fault:
                self._breakers.fail(fault, now)
                continue
            except (StoreError, DBAPIError) as error:
                rows = chunks.failed(error, now)
                if rows and not self._stop_playbook_of(rows, error, now):
                    raise
                continue
            if not advanced.passed:
                self._breakers.resume((PartKind.STEPS,), now)
                self._store.in_transaction(partial(forget_passed, now=now))
                return replace(done, quarantined=before + chunks.quarantined)
            done = replace(done, actions=done.actions + advanced.actions)
            watch(done)

    def _stop_playbook_of(self, enrolments: Collection[int], error: Exception, now: Instant) -> bool:
        """Pause the steps of the playbook that ``enrolments`` are in; return False if they are in several."""
        with self._store.read() as connection:
            found = playbooks_of(connection, enrolments)
        if len(found) != 1:
            return False
        self._breakers.fail(PlaybookAtFault.because(found[0], error), now)
        return True

    def _enrolment_chunk(self, chunks: Chunks, now: Instant, connection: Connection) -> tuple[int, Advanced]:
        limit = chunks.limit
        if limit == 1:
            chunks.suspect(self._advance.first_due(connection, now))
        advanced = self._advance.run(connection, now, limit)
        return advanced.passed, advanced
