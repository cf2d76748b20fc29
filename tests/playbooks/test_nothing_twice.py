"""Random ticks, crashes, double runs and workers that forget: nobody is enrolled, or written to, twice."""

import itertools
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.app import App
from engine.clock import DAY, HOUR, FixedClock
from engine.settings import load_settings
from tests.maison import LIFECYCLE
from tests.playbooks.files import apply, playbook
from tests.world import World, day

FILES = (
    playbook("on_event", reentry="always", steps='[[step]]\nid = "a"\nsend = ["email"]\ntemplate = "t/a"\ncoupon = "GIFT"\n'
             '[[step]]\nwait = "2d"\n[[step]]\nid = "b"\nsend = ["email"]\ntemplate = "t/b"\ncoupon = "SERIES"'),
    playbook("on_move", 'enter = { lifecycle = "at_risk" }', reentry="3d", rest='[exit]\nevent = "order_completed"',
             steps='[[step]]\nid = "look"\nwait_for = "review_posted"\ntimeout = "3d"\n'
             '[[step]]\nid = "a"\nsend = ["email"]\ntemplate = "t/a"'),
    playbook("birthday", 'date = { fact = "birthday", at = "09:00" }', expires="2d"),
    playbook("daily", 'schedule = { cron = "30 7 * * *" }', reentry="36h", expires="1d"),
    playbook("rich", 'when = "spend > 100"', reentry="4d", steps='[[step]]\nid = "gift"\ncoupon = "GIFT"'),
)  # fmt: skip
COUPONS = '[coupons.GIFT]\nkind = "pool"\n[coupons.SERIES]\nkind = "series"\nlength = 6\n'
ZONES = ("Asia/Tokyo", "Europe/Berlin", "America/New_York", None)
HASTY = LIFECYCLE.replace("60", "2")
"""Two days without an order, and a user is at_risk."""


class Crash(Exception):
    """A worker dies."""


class Life:
    """A seeded life of a few users."""

    def __init__(self, world: World, seed: int) -> None:
        self.random = random.Random(seed)
        self.world = world
        self.now = 0.0
        self.crashes = 0
        world.write("rules/lifecycle.toml", HASTY)
        apply(world, *FILES, coupons=COUPONS)
        self.users = [self.new_user() for _ in range(4)]

    def new_user(self) -> str:
        born = f"1990-01-{self.random.randint(1, 28):02d}"
        key = f"u{self.random.randint(0, 10**9)}"
        self.world.user(key, self.now, timezone=self.random.choice(ZONES), birthday=born)
        return key

    def happen(self) -> None:
        user = self.random.choice(self.users)
        at = self.now - self.random.choice([0, 0, 1 / 24, 1])
        choice = self.random.randint(0, 5)
        if choice <= 2:
            self.world.event(user, "order_completed", at, self.random.choice([None, 5_000, 20_000]))
        elif choice == 3:
            self.world.event(user, "review_posted", at)
        elif choice == 4:
            self.world.codes(f"G{self.random.random()}")
        else:
            self.users.append(self.new_user())

    def crash(self) -> None:
        """Live a tick in which the worker dies around one of its commits, if it comes that far."""
        commits = itertools.count(1)
        last = self.random.randint(1, 9)

        def die(*_: object) -> None:
            if next(commits) == last:
                raise Crash

        store = self.world.scripted()
        if self.random.randint(0, 1):
            store.committing = die
        else:
            store.committed = die
        try:
            self.world.tick(self.now)
        except Crash:
            self.crashes += 1
        self.world.close()

    def tick(self) -> None:
        how = self.random.randint(0, 5)
        if how <= 1:
            self.crash()
        elif how == 2:
            self.world.configure(schedule={"enrolment_chunk": self.random.randint(1, 5)})
        self.world.tick(self.now)
        if how == 3:
            self.world.tick(self.now)

    def live(self, moments: int) -> None:
        for _ in range(moments):
            for _ in range(self.random.randint(0, 3)):
                self.happen()
            self.tick()
            self.now += self.random.choice([1, 5, 11, 24, 72]) / 24


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.bulk) for seed in range(2, 10))])
def test_nothing_happens_twice(world: World, seed: int) -> None:
    life = Life(world, seed)
    life.live(25)
    assert life.crashes > 2
    life.tick()
    check(world)
    before = (world.enrolments("id, state, step, due_at"), world.actions("id, state, reason"))
    world.close()
    world.tick(life.now)
    assert (world.enrolments("id, state, step, due_at"), world.actions("id, state, reason")) == before


def check(world: World) -> None:
    """The invariants, read from the tables alone."""
    entries = world.enrolments("playbook, user_id, trigger_at, entered_at, occurrence")
    assert {row[0] for row in entries} == {"on_event", "on_move", "birthday", "daily", "rich"}
    assert max(Counter((name, user, occurrence) for name, user, *_, occurrence in entries).values()) == 1
    events = world.rows("SELECT event_id, count(*) FROM enrolment WHERE event_id IS NOT NULL GROUP BY event_id")
    assert {count for _, count in events} == {1}
    for name, apart in (("on_move", 3 * DAY), ("daily", 36 * HOUR), ("rich", 4 * DAY)):
        for user in {row[1] for row in entries}:
            times = sorted(row[3] for row in entries if row[:2] == (name, user))
            assert all(later - earlier >= apart for earlier, later in itertools.pairwise(times))
    actions = world.rows("SELECT enrolment_id, step, count(*) FROM action GROUP BY enrolment_id, step")
    assert {count for *_, count in actions} == {1}
    lines = world.rows(
        "SELECT a.id FROM action a LEFT JOIN action_event v ON v.action_id = a.id GROUP BY a.id, a.state"
        " HAVING count(v.id) = 0"
    )
    assert lines == []
    naked = world.rows(
        "SELECT a.id FROM action a WHERE a.coupon IS NOT NULL AND a.state IN ('queued', 'accepted') AND NOT EXISTS"
        " (SELECT 1 FROM coupon_code k WHERE k.enrolment_id = a.enrolment_id AND k.coupon = a.coupon)"
    )
    assert naked == []
    overdue = world.rows("SELECT id FROM enrolment WHERE state = 'active' AND due_at < entered_at")
    assert overdue == []


def test_workers_at_the_same_time_do_everything_once(world: World) -> None:
    world.configure(schedule={"enrolment_chunk": 7})
    apply(world, *FILES, coupons=COUPONS)
    users = [f"u{number}" for number in range(40)]
    for number, key in enumerate(users):
        world.user(key, timezone=ZONES[number % 4], birthday="1990-01-05")
    world.tick(4)  # birthdays are known before the workers' clocks differ by a day
    for key in users:
        world.order(key, 4.5, 20_000)
    world.codes(*(f"G{number}" for number in range(200)))

    def work(_: int) -> None:
        app = App(load_settings(world.config), FixedClock(day(4.5)))
        for moment in (4.5, 5, 5.5, 6):
            app.tick(app.content(), day(moment))
        app.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    found = Counter(name for (name,) in world.enrolments("playbook"))
    assert found["on_event"] == found["birthday"] == found["rich"] == 40
    actions = world.rows("SELECT enrolment_id, step, count(*) FROM action GROUP BY enrolment_id, step")
    assert {count for *_, count in actions} == {1}
    assert (
        world.rows("SELECT count(*), count(DISTINCT enrolment_id) FROM coupon_code WHERE coupon = 'GIFT'")[0][1] == 80
    )
