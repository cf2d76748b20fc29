"""The tick: one readable list of stages, each set-wise, idempotent, and committed chunk by chunk."""

from collections.abc import Callable
from dataclasses import replace

from engine.clock import Instant
from engine.errors import VersionReplaced
from engine.incentives.coupons import CouponIssuer
from engine.loading import Content
from engine.pipeline.held import HeldVersion, SweepOpened, SweptVersion
from engine.pipeline.progress import Progress, TickSettings, Watch
from engine.pipeline.retiring import RetireStage
from engine.pipeline.scores import ScoreStage
from engine.pipeline.steps import StepStage
from engine.pipeline.triggers import Triggers
from engine.pipeline.users import UserStage
from engine.playbooks.advance import Advance
from engine.playbooks.breakers import USER_PARTS, PlaybookBreakers
from engine.playbooks.enrol import Enrol
from engine.playbooks.exits_and_waits import ExitsAndWaits
from engine.playbooks.file.heads import heads_of
from engine.playbooks.occasions import Occasions
from engine.playbooks.retiring import Files
from engine.playbooks.turning_points import PlaybookTurningPoints
from engine.rules.decide.decider import Deciders
from engine.rules.evaluation import Evaluation
from engine.store.database import Database

Stage = Callable[[Instant, Progress, Watch], Progress]
"""Goes on from the progress so far, at an instant; reports and returns the progress with its own part."""


class Pipeline:
    """The stages of a tick, created once per version of the content."""

    def __init__(self, content: Content, database: Database, deciders: Deciders, tick_settings: TickSettings) -> None:
        dialect, zone = database.dialect, tick_settings.brand_zone
        pinned, playbooks = content.pinned(), content.playbooks
        self._breakers = breakers = PlaybookBreakers()
        self._turning_points = PlaybookTurningPoints(playbooks, pinned, breakers)
        self._evaluation = Evaluation(content.catalog, content.rules, dialect, deciders)
        self._users_store = HeldVersion(database, content.version)
        self._store = SweptVersion(database, content.version)
        exits_and_waits = ExitsAndWaits(pinned, dialect, breakers)
        self._occasions = Occasions(playbooks, dialect, zone, exits_and_waits, breakers)
        triggers = Triggers(Enrol(playbooks, dialect, breakers), self._occasions, exits_and_waits, breakers)
        users = UserStage(self._users_store, self._evaluation, triggers, tick_settings.chunks)
        coupon_issuer = CouponIssuer(playbooks.coupons, tick_settings.coupon_secret, dialect)
        advance = Advance(pinned, coupon_issuer, dialect, zone, breakers)
        steps = StepStage(self._store, advance, coupon_issuer, breakers, tick_settings.chunks.enrolments)
        scores = ScoreStage(database, self._users_store, self._evaluation, content.catalog, tick_settings.chunks.users)
        retire = RetireStage(
            self._users_store,
            Files(heads_of(playbooks), None, tick_settings.hold_vanished),
            tick_settings.chunks.enrolments,
        )
        self._stages: tuple[Stage, ...] = (
            retire.run,
            scores.before_users,
            users.run,
            scores.after_users,
            self._take_occasions,
            steps.release,
            steps.run,
        )

    def tick(self, now: Instant, watch: Watch = lambda _: None) -> Progress:
        """Do everything that is due at ``now``; commits chunk by chunk, so it can be stopped and resumed."""
        reached = Progress()

        def note(sofar: Progress) -> None:
            nonlocal reached
            reached = sofar
            watch(sofar)

        self._collect_turning_points(now)
        while True:
            try:
                for stage in self._stages:
                    reached = stage(now, reached, note)
            except SweepOpened:  # by a calibration meanwhile: the users come first again
                continue
            except VersionReplaced as error:
                reached = replace(reached, ended_early=str(error))
            return replace(reached, alarms=self._breakers.alarms)

    def _collect_turning_points(self, now: Instant) -> None:
        with self._store.read() as connection:
            changed = self._turning_points.collect(connection, now)
        if changed:
            self._evaluation.set_turning_points(self._turning_points.found)

    def _take_occasions(self, now: Instant, done: Progress, watch: Watch) -> Progress:
        done = replace(done, enrolments=done.enrolments + self._occasions.run(self._store, now))
        self._breakers.resume(USER_PARTS, now)
        watch(done)
        return done
