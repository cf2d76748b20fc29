"""Workers, imports, edits of the rules and calibrations beside each other on one PostgreSQL, for minutes.

Each party is a process of its own, as in production, and does its part again and again until the time is over. No deadlock
and no other error may end one of them. In the end the store holds what a single worker's store holds that was given the same
inputs one after the other: the same users, events, facts, places, enrolments and actions.

``python -m bench.contention --seconds 300`` runs it with two workers, then with three; ``make contention`` does that.
"""

import itertools
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from pathlib import Path

from bench.common import command_line, report, scratch
from bench.contended_brand import EDITS, LAST_EDIT, NOW, edit, events_file, users_file, write_brand
from bench.end_states import differing_rows
from bench.processes import barrier, counts, finish, start
from bench.stores import Stores, stores
from engine.app import App
from engine.cli.imports import declared
from engine.clock import FixedClock, Instant
from engine.errors import VersionReplaced
from engine.intake.files.importing import import_events, import_users
from engine.intake.files.options import ImportOptions
from engine.loading import Content
from engine.settings import ContentSettings, ScheduleSettings, Settings, StoreSettings
from engine.store.database import Database
from engine.store.repeats import repeats_since
from engine.worker.upkeep import recalibrate

SIZE = 2_000
SECONDS = 300
PART = 100
"""Rows, users and enrolments in one transaction: few, so that many transactions meet."""
SELDOM = 10
"""The single worker ticks after so many imports of each kind: it has to do in a row what the others did at a time."""
RESULTS = (
    """SELECT u.key, u.first_seen_at, s.fact_first_name, s.fact_is_vip, s.fact_orders, s.fact_spend, s.fact_spend_score,
    s.place_value, s.place_needs FROM users AS u JOIN user_state AS s ON s.user_id = u.id""",
    "SELECT e.key, u.key, e.name, e.at, e.amount FROM event AS e JOIN users AS u ON u.id = e.user_id",
    """SELECT u.key, n.playbook, n.trigger_at, n.state, n.reason, n.step FROM enrolment AS n
    JOIN users AS u ON u.id = n.user_id""",
    "SELECT u.key, a.playbook, a.step, a.state, a.due_at FROM action AS a JOIN users AS u ON u.id = a.user_id",
)
"""What has to be the same; not when and by which version places changed in between."""


class Party:
    """One of those who use the store. All read the same folder with the brand's files."""

    def __init__(self, folder: Path, url: str, size: int) -> None:
        self.folder, self.size = folder, size
        content = ContentSettings(
            rules=folder / "rules", playbooks=folder / "playbooks", templates=folder / "templates"
        )
        schedule = ScheduleSettings(chunk=PART, enrolment_chunk=PART)
        settings = Settings(store=StoreSettings(url=url), content=content, schedule=schedule)
        self.app = App(settings, FixedClock(NOW))
        self._compiled: dict[str, Content] = {}

    def content(self) -> Content:
        """Return the files as they are now; each version is compiled once, as in a worker."""
        bundle = self.app.bundle()
        if bundle.version not in self._compiled:
            self._compiled[bundle.version] = self.app.load(bundle)
        return self._compiled[bundle.version]

    def ticks(self, _number: int) -> int:
        """Tick; return how many users were evaluated. Whoever read files that are older than others' reads them again."""
        seen = self.app.seen()
        try:
            return self.app.tick(self.content(), NOW, seen=seen).users
        except VersionReplaced:
            return 0

    def calibrates(self, _number: int) -> None:
        """Calibrate all scores, unless other files have been applied since these were read: then the next time."""
        with suppress(VersionReplaced):
            recalibrate(self.app, self.content(), NOW)

    def edits(self, number: int) -> None:
        """Edit the rules and apply them, unless a worker has seen the edit and was quicker."""
        edit(self.folder, EDITS[number % len(EDITS)])
        seen = self.app.seen()
        with suppress(VersionReplaced):
            self.app.apply(self.content(), NOW, seen)
        time.sleep(1)

    def brings_users(self, number: int) -> None:
        file = users_file(self.folder, number, self.size)
        import_users(self.app.database, file, declared(self.app), ImportOptions(chunk=PART), self.app.clock)

    def brings_events(self, number: int) -> None:
        file = events_file(self.folder, number, self.size)
        import_events(self.app.database, file, declared(self.app), ImportOptions(chunk=PART), self.app.clock)


ROLES: dict[str, Callable[[Party, int], object]] = {
    "ticks": Party.ticks,
    "users": Party.brings_users,
    "events": Party.brings_events,
    "edits": Party.edits,
    "calibrations": Party.calibrates,
}


@dataclass(frozen=True, slots=True)
class Part:
    """What one process does again and again, where, and for how many seconds."""

    role: str
    folder: Path
    url: str
    size: int
    seconds: int


def play(part: Part, ready: Barrier, done: "SimpleQueue[tuple[str, int]]") -> None:
    """Do the part, from when everybody is ready; tell how often it was done."""
    role, party = part.role, Party(part.folder, part.url, part.size)
    with closing(party.app):
        party.content()
        ready.wait()
        until = time.monotonic() + part.seconds
        for number in itertools.count():
            ROLES[role](party, number)
            if time.monotonic() > until:
                done.put((role, number + 1))
                return


def main() -> bool:
    """Run with two and with three workers."""
    parser = command_line(SIZE, "users")
    parser.add_argument("--seconds", type=int, default=SECONDS, help=f"how long each run takes; {SECONDS} by default")
    given = parser.parse_args()
    with stores("postgresql") as kept:
        fine = [_measure(kept, workers, given.size, given.seconds) for workers in (2, 3)]
        return all(fine)


def _measure(kept: Stores, workers: int, size: int, seconds: int) -> bool:
    with scratch() as folder, scratch() as alone:
        together, single = kept.fresh("together"), kept.fresh("single")
        done = _together(folder, together, workers, size, seconds)
        _alone(alone, single, done, size)
    differing = differing_rows(together, single, RESULTS)
    failed, repeated = _troubles(together)
    return report(
        "contention", ratio=differing + failed, bar=0, at_most=True, database="postgresql", size=size, seconds=seconds,
        workers=workers, **done, repeated=repeated, failed_ticks=failed, differing_rows=differing,
    )  # fmt: skip


def _together(folder: Path, url: str, workers: int, size: int, seconds: int) -> dict[str, int]:
    """Let all parties work beside each other, then settle; return how often each role was done."""
    write_brand(folder)
    first = _begin(folder, url, size)
    roles = [*["ticks"] * workers, *(role for role in ROLES if role != "ticks")]
    ready, done = barrier(len(roles)), counts()
    finish([start(play, Part(role, folder, url, size, seconds), ready, done) for role in roles])
    told = dict.fromkeys(ROLES, 0)
    for _ in roles:
        role, number = done.get()
        told[role] += number
    if idle := [role for role, number in told.items() if number < 2]:
        raise SystemExit(f"nothing can have met: {', '.join(idle)} happened only once; give it more --seconds")
    _settle(first)
    return told


def _alone(folder: Path, url: str, done: dict[str, int], size: int) -> None:
    """Do the same as a single worker to which everything comes one after the other."""
    write_brand(folder)
    one = _begin(folder, url, size)
    for number in range(max(done["users"], done["events"])):
        if number < done["users"]:
            one.brings_users(number)
        if number < done["events"]:
            one.brings_events(number)
        if number % SELDOM == 0:
            one.ticks(number)
    _settle(one)


def _begin(folder: Path, url: str, size: int) -> Party:
    party = Party(folder, url, size)
    party.app.migrate(party.content())
    party.ticks(0)
    return party


def _settle(party: Party) -> None:
    """Do what remains, with the last files: what is new, then the scores, then whom they move."""
    with closing(party.app):
        edit(party.folder, LAST_EDIT)
        party.ticks(0)
        party.calibrates(0)
        while party.ticks(0):
            pass


def _troubles(url: str) -> tuple[int, int]:
    """Return how many ticks failed, and how many transactions were undone by the database and repeated."""
    with closing(Database(url)) as database, database.read() as connection:
        failed = connection.exec_driver_sql("SELECT count(*) FROM tick WHERE error IS NOT NULL").scalar_one()
        return int(failed), repeats_since(connection, Instant(0))


if __name__ == "__main__":
    raise SystemExit(not main())
