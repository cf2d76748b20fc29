"""The tick: one pass over the users who are due, then over the enrolments that are due.

Every stage is set-wise and idempotent. Users are processed in chunks, with one transaction each, so a placement, the
transition that records it and the enrolment that follows are committed together or not at all. If a tick stops, the
remaining users stay due.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from engine.bad_rows import BadRowIsolation
from engine.breaker import Alarm
from engine.clock import Instant
from engine.errors import StoreError
from engine.facts.query import Refresh
from engine.incentives.coupons import CouponIssuer
from engine.loading import Content
from engine.playbooks.advance import Advance, Advanced
from engine.playbooks.breakers import USER_PARTS, PartKind, PlaybookAtFault, PlaybookBreakers, playbooks_of
from engine.playbooks.enrol import Enrol
from engine.playbooks.exits_and_waits import ExitsAndWaits
from engine.playbooks.occasions import Occasions
from engine.playbooks.releasing import release
from engine.playbooks.turning_points import PlaybookTurningPoints
from engine.rules.decide.decider import Deciders
from engine.rules.place.placing import Placing
from engine.store.database import Database
from engine.store.due import due_again
from engine.store.quarantine import RowKind, forget, forget_passed
from engine.store.temporary import DUE_USER, take_due_users


class Stage(Protocol):
    """One step of the tick over the users in ``due_user``."""

    def run(self, connection: Connection, now: Instant) -> int | None:
        """Run the stage in the caller's transaction; return how many rows it created, if it counts them."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """What a tick has done so far."""

    users: int = 0
    transitions: int = 0
    enrolments: int = 0
    actions: int = 0
    quarantined: int = 0
    """Users and enrolments that were quarantined; see ``bad_rows``."""
    alarms: tuple[Alarm, ...] = ()
    """What has stopped because of a bug; see ``playbooks.breakers``."""
    lived_until: Instant | None = None
    """The instant of a later tick that this store has already had. If set, this tick did nothing."""


Watch = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class TickSettings:
    """The settings that the stages need."""

    chunk: int
    """Users per transaction."""
    enrolment_chunk: int
    """Enrolments per transaction."""
    brand_zone: str
    coupon_secret: bytes


class Pipeline:
    """The stages of a tick, created once per version of the content."""

    def __init__(self, content: Content, database: Database, deciders: Deciders, tick_settings: TickSettings) -> None:
        dialect = database.dialect
        pinned = content.pinned()
        coupon_issuer = CouponIssuer(content.playbooks.coupons, tick_settings.coupon_secret, dialect)
        self._database = database
        self._coupon_issuer = coupon_issuer
        self._chunk = tick_settings.chunk
        self._enrolments_at_once = tick_settings.enrolment_chunk
        self.refresh: Stage = Refresh(content.catalog, dialect)
        self.place = Placing(content.rules, dialect, deciders)
        self._breakers = PlaybookBreakers()
        self._turning_points = PlaybookTurningPoints(content.playbooks, pinned, self._breakers)
        self.enrol: Stage = Enrol(content.playbooks, dialect, self._breakers)
        exits_and_waits = ExitsAndWaits(pinned, dialect, self._breakers)
        self.exits_and_waits: Stage = exits_and_waits
        zone = tick_settings.brand_zone
        self.occasions = Occasions(content.playbooks, dialect, zone, exits_and_waits, self._breakers)
        self.advance = Advance(pinned, coupon_issuer, dialect, zone, self._breakers)

    def tick(self, now: Instant, watch: Watch = lambda _: None) -> Progress:
        """Do everything that is due at ``now``; commits chunk by chunk, so it can be stopped and resumed."""
        done = Progress()
        self._collect_turning_points(now)
        for step in (self._users, self._occasions, self._releases, self._enrolments):
            done = step(now, done, watch)
        return replace(done, alarms=self._breakers.alarms)

    def _collect_turning_points(self, now: Instant) -> None:
        with self._database.read() as connection:
            changed = self._turning_points.collect(connection, now)
        if changed:
            self.place.set_turning_points(self._turning_points.found)

    def _users(self, now: Instant, done: Progress, watch: Watch) -> Progress:
        bad_rows = BadRowIsolation(self._database, RowKind.USER, "users", self._chunk)
        while True:
            try:
                after = self._user_chunk(now, done, bad_rows)
            except PlaybookAtFault as fault:
                self._breakers.fail(fault, now)
                continue
            except (StoreError, DBAPIError) as error:
                if bad_rows.failed(error, now):
                    raise
                continue
            if after is None:
                return replace(done, quarantined=done.quarantined + bad_rows.number)
            bad_rows.worked()
            done = after
            watch(done)

    def _user_chunk(self, now: Instant, done: Progress, bad_rows: BadRowIsolation) -> Progress | None:
        def work(connection: Connection) -> Progress | None:
            users = take_due_users(connection, self._database.dialect, now, bad_rows.limit)
            if not users:
                return None
            if users == 1:
                bad_rows.suspect = connection.execute(text(f"SELECT user_id FROM {DUE_USER}")).scalar_one()
            self.refresh.run(connection, now)
            transitions = self.place.run(connection, now) or 0
            enrolments = (self.enrol.run(connection, now) or 0) + self.occasions.catch_up(connection, now)
            self.exits_and_waits.run(connection, now)
            self._schedule_retry(connection, now)
            forget(connection, RowKind.USER, f"SELECT user_id FROM {DUE_USER}")
            return replace(
                done,
                users=done.users + users,
                transitions=done.transitions + transitions,
                enrolments=done.enrolments + enrolments,
            )

        return self._database.in_transaction(work)

    def _schedule_retry(self, connection: Connection, now: Instant) -> None:
        """Make the users of this chunk due again when paused parts of playbooks are retried."""
        if (again := self._breakers.users_retry_at(now)) is not None:
            query = f"SELECT user_id, CAST(:again AS BIGINT) AS again FROM {DUE_USER}"
            due_again(connection, query, {"again": again, "now": now})

    def _occasions(self, now: Instant, done: Progress, watch: Watch) -> Progress:
        done = replace(done, enrolments=done.enrolments + self.occasions.run(self._database, now))
        self._breakers.resume(USER_PARTS, now)
        watch(done)
        return done

    def _releases(self, now: Instant, done: Progress, watch: Watch) -> Progress:
        """Release what waits for a coupon code, before any new enrolment can claim one.

        No playbook's code runs here and no enrolment is taken, so an error is neither's: it ends the tick.
        """
        work = partial(release, coupon_issuer=self._coupon_issuer, now=now, limit=self._enrolments_at_once)
        changed = 1
        while changed:
            changed = self._database.in_transaction(work)
            watch(done)
        return done

    def _enrolments(self, now: Instant, done: Progress, watch: Watch) -> Progress:
        bad_rows = BadRowIsolation(self._database, RowKind.ENROLMENT, "steps", self._enrolments_at_once)
        while True:
            try:
                advanced = self._enrolment_chunk(now, bad_rows)
            except PlaybookAtFault as fault:
                self._breakers.fail(fault, now)
                continue
            except (StoreError, DBAPIError) as error:
                rows = bad_rows.failed(error, now)
                if rows and not self._stop_playbook_of(rows, error, now):
                    raise
                continue
            if not advanced.passed:
                self._breakers.resume((PartKind.STEPS,), now)
                self._database.in_transaction(partial(forget_passed, now=now))
                return replace(done, quarantined=done.quarantined + bad_rows.number)
            bad_rows.worked()
            done = replace(done, actions=done.actions + advanced.actions)
            watch(done)

    def _stop_playbook_of(self, enrolments: Collection[int], error: Exception, now: Instant) -> bool:
        """Pause the steps of the playbook that ``enrolments`` are in; return False if they are in several."""
        with self._database.read() as connection:
            found = playbooks_of(connection, enrolments)
        if len(found) != 1:
            return False
        self._breakers.fail(PlaybookAtFault.because(found[0], error), now)
        return True

    def _enrolment_chunk(self, now: Instant, bad_rows: BadRowIsolation) -> Advanced:
        def work(connection: Connection) -> Advanced:
            if bad_rows.limit == 1:
                bad_rows.suspect = self.advance.first_due(connection, now)
            return self.advance.run(connection, now, bad_rows.limit)

        return self._database.in_transaction(work)
