"""Two workers, imports, edits of the rules, new coupon codes and calibrations, all at once on one PostgreSQL.

No deadlock reaches anyone, and in the end the store holds what a single worker's would, one thing after the other.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.cli.imports import declared
from engine.errors import VersionReplaced
from engine.intake.files.importing import import_events, import_users
from engine.intake.files.options import ImportOptions
from engine.intake.files.source import Source
from engine.rules.decide.decider import Deciders
from engine.worker.upkeep import recalibrate
from tests.maison import FACTS
from tests.world import World, day

pytestmark = pytest.mark.bulk

USERS, ROUNDS, PART = 600, 6, 100
"""Customers; how often each importer brings something about each; rows in one transaction."""
ENOUGH = USERS * ROUNDS
"""Codes for every order; half of them come at the end."""
NOW = 20
SCORE = '\n[facts.spend_score]\nquantile = "spend"\nbuckets = 4\n'
VALUE = """
[dimension]
name = "value"
kind = "tiers"

[[tier]]
name = "high"
when = "spend_score >= {score}"

[[tier]]
name = "low"
"""
GIVEN = """
[playbook]
name = "given"
class = "service"
reentry = "always"
expires = "7d"

[trigger]
event = "order_completed"

[[step]]
id = "gift"
coupon = "GIFT"
"""
ASKED = """
[playbook]
name = "asked"
class = "service"
reentry = "always"
expires = "7d"

[trigger]
event = "order_completed"

[exit]
event = "review_posted"

[[step]]
id = "answer"
wait_for = "signed_up"
timeout = "20d"
"""
"""Grants, exits and waits take enrolments and actions of many users; who reviews does not sign up, so all ends alike."""


def files(score: int) -> dict[str, str | None]:
    """The brand, whose places depend on nothing but the present: no lock, no grace, no keep."""
    return {
        "rules/facts.toml": FACTS + SCORE,
        "rules/value.toml": VALUE.format(score=score),
        "rules/needs.toml": '[dimension]\nname = "needs"\nkind = "segments"\n[[segment]]\nname = "vip"\nwhen = "is_vip"\n',
        "playbooks/given.toml": GIVEN,
        "playbooks/asked.toml": ASKED,
        "playbooks/thanks.toml": None,
    }


LAST = 3
"""The lowest score of the tier ``high``, after all edits."""


def users_file(folder: Path, number: int) -> Path:
    """Attributes of everybody, in an order of its own; in the end each importer says the same."""
    file = folder / f"users{number}.csv"
    order = sorted(range(USERS), key=lambda user: (user * (7 + 2 * number)) % USERS)
    rows = "".join(f"u{user},Ann{number},{str(user % 3 == 0).lower()}\n" for user in order)
    file.write_text(f"key,first_name,is_vip\n{rows}", encoding="utf-8")
    return file


def events_file(folder: Path, number: int) -> Path:
    """Orders of everybody, a review of every fifth and a sign-up of others, in an order of its own."""
    file = folder / f"events{number}.csv"
    order = sorted(range(USERS), key=lambda user: (user * (11 + 4 * number)) % USERS)
    lines = ["key,user,event,at,amount"]
    for user in order:
        at = f"2026-01-19T0{number}:00:00Z"
        lines.append(f"o{number}-{user},u{user},order_completed,{at},{user % 50 + 1}")
        if number == ROUNDS - 1 and user % 5 == 0:
            lines.append(f"r{user},u{user},review_posted,2026-01-19T12:00:00Z,")
        if number == ROUNDS - 1 and user % 5 == 1:
            lines.append(f"s{user},u{user},signed_up,2026-01-19T13:00:00Z,")
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


@dataclass(frozen=True)
class Party:
    """One of those who use the store: its own process in production, its own app here."""

    world: World

    def ticks(self) -> None:
        self.world.app.tick(self.world.content(), day(NOW))

    def calibrates(self) -> None:
        recalibrate(self.world.app, self.world.content(), day(NOW))

    def calibrates_if_it_may(self) -> None:
        """Beside edits: those who have older files than the running ones calibrate nothing."""
        with suppress(VersionReplaced):
            self.calibrates()

    def brings_users(self, number: int) -> None:
        app = self.world.app
        file = Source(users_file(self.world.folder, number))
        import_users(app.database, file, declared(app), ImportOptions(chunk=PART), app.clock)

    def brings_events(self, number: int) -> None:
        app = self.world.app
        file = Source(events_file(self.world.folder, number))
        import_events(app.database, file, declared(app), ImportOptions(chunk=PART), app.clock)

    def brings_codes(self, numbers: Iterable[int]) -> None:
        self.world.codes(*(f"C{number}" for number in numbers))

    def edits(self, score: int) -> None:
        self.world.write("rules/value.toml", VALUE.format(score=score))


def party(folder: Path, url: str) -> Party:
    world = World(folder, url, files=files(2), settings={"schedule": {"chunk": PART, "enrolment_chunk": PART}})
    world.app.deciders = Deciders()
    world.clock.move_to(day(NOW))
    return Party(world)


def settle(one: Party) -> None:
    """Do what remains, with the last files: what is new, then the scores, then whom they move."""
    one.edits(LAST)
    one.brings_codes(range(ENOUGH // 2, ENOUGH))
    one.ticks()
    one.calibrates()
    while one.world.app.tick(one.world.content(), day(NOW)).users:
        pass


RESULTS: Mapping[str, str] = {
    "users": "SELECT u.key, u.first_seen_at, CAST(s.fact_is_vip AS INTEGER), s.fact_spend, s.fact_orders, s.fact_spend_score, s.place_value,"
    " s.place_lifecycle, s.place_needs FROM users AS u JOIN user_state AS s ON s.user_id = u.id",
    "events": "SELECT e.key, u.key, e.name, e.at, e.amount FROM event AS e JOIN users AS u ON u.id = e.user_id",
    "enrolments": "SELECT u.key, n.playbook, n.trigger_at, n.state, n.reason, n.step FROM enrolment AS n"
    " JOIN users AS u ON u.id = n.user_id",
    "actions": "SELECT u.key, a.playbook, a.step, a.state FROM action AS a JOIN users AS u ON u.id = a.user_id",
}


def results(world: World) -> dict[str, list[str]]:
    return {name: sorted(map(repr, world.rows(query))) for name, query in RESULTS.items()}


def alone(folder: Path) -> dict[str, list[str]]:
    """What a single worker's store holds, if nothing ever meets."""
    with closing((one := party(folder, f"sqlite:///{folder}.db")).world) as world:
        world.app.migrate(world.content())
        world.tick(0)
        world.clock.move_to(day(NOW))
        for number in range(ROUNDS):
            one.brings_users(number)
            one.brings_events(number)
            one.ticks()
        one.brings_codes(range(ENOUGH // 2))
        settle(one)
        return results(world)


@pytest.fixture
def parties(migrated_postgresql_url: str, tmp_path: Path) -> Iterator[dict[str, Party]]:
    names = ("first", "second", "users", "events", "upkeep")
    made = {name: party(tmp_path / name, migrated_postgresql_url) for name in names}
    yield made
    for one in made.values():
        one.world.close()


def test_workers_imports_edits_and_calibrations_do_not_end_each_other(
    parties: dict[str, Party], tmp_path: Path
) -> None:
    first, second, upkeep = parties["first"], parties["second"], parties["upkeep"]
    first.world.app.migrate(first.world.content())
    first.world.tick(0)
    first.world.clock.move_to(day(NOW))
    over = threading.Event()
    imported = threading.Barrier(2, action=over.set)

    def until_over(*works: Callable[[], None]) -> int:
        done = 0
        while not over.is_set():
            for work in works:
                work()
            done += 1
        return done

    def bring(work: Callable[[int], None]) -> None:
        try:
            for number in range(ROUNDS):
                work(number)
        finally:
            imported.wait(120)

    def edit() -> None:
        for score in (4, 2):
            for one in (first, second):
                one.edits(score)
            threading.Event().wait(0.2)

    def refill() -> None:
        step = ENOUGH // 20
        for start in range(0, ENOUGH // 2, step):
            upkeep.brings_codes(range(start, start + step))

    with ThreadPoolExecutor(7) as pool:
        works: list[Future[int | None]] = [
            pool.submit(until_over, first.ticks),
            pool.submit(until_over, second.ticks),
            pool.submit(until_over, upkeep.calibrates_if_it_may),
            pool.submit(until_over, edit),
            pool.submit(refill),
            pool.submit(bring, parties["users"].brings_users),
            pool.submit(bring, parties["events"].brings_events),
        ]
        rounds = [work.result(120) for work in works]
    assert all(done is None or done for done in rounds), rounds
    second.edits(LAST)
    settle(first)
    assert first.world.rows("SELECT error FROM tick WHERE error IS NOT NULL") == []
    assert first.world.rows("SELECT count(*) FROM tick WHERE ended_at IS NULL") == [(0,)]
    found, wanted = results(first.world), alone(tmp_path / "alone")
    for name, rows in wanted.items():
        assert found[name] == rows, name
