"""Random ticks, crashes, double runs and workers that forget: nobody is enrolled, or written to, twice."""

import itertools
import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection

from engine.clock import DAY, HOUR, Instant
from tests.playbooks.shop import Shop, day, playbook

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


class Crash(Exception):
    """A worker dies."""


class Life:
    """A seeded life of a few users."""

    def __init__(self, shop: Shop, seed: int) -> None:
        self.random = random.Random(seed)
        self.shop = shop.apply(*FILES, coupons=COUPONS, at=day(0))
        self.now = int(day(0))
        self.users = [self.new_user() for _ in range(4)]
        self.place: dict[int, str | None] = {}

    def new_user(self) -> int:
        born = f"1990-01-{self.random.randint(1, 28):02d}"
        number = self.random.randint(0, 10**9)
        return self.shop.user(str(number), zone=self.random.choice(ZONES), first_seen=self.now, birthday=born)

    def happen(self) -> None:
        user = self.random.choice(self.users)
        at = self.now - self.random.choice([0, 0, HOUR, DAY])
        choice = self.random.randint(0, 6)
        if choice <= 2:
            self.shop.event(
                user, self.random.choice(["order_completed", "review_posted"]), at, key=f"{self.random.random()}"
            )
        elif choice == 3:
            before = self.place.get(user)
            self.place[user] = "active" if before == "at_risk" else "at_risk"
            self.shop.move(user, "lifecycle", before, self.place[user], self.now)
        elif choice == 4:
            self.shop.state(user, spend=self.random.choice([None, 5_000, 20_000]))
        elif choice == 5:
            self.shop.run(
                "INSERT INTO coupon_code (coupon, code) VALUES ('GIFT', :code)", code=f"G{self.random.random()}"
            )
        else:
            self.users.append(self.new_user())

    def crash(self, work: Callable[[Connection], object]) -> None:
        """Do a stage's work and die before the commit."""
        with pytest.raises(Crash):
            self.die(work)

    def die(self, work: Callable[[Connection], object]) -> None:
        with self.shop.database.write() as connection:
            self.shop.due(connection)
            work(connection)
            raise Crash

    def tick(self) -> None:
        shop, now = self.shop, Instant(self.now)
        how = self.random.randint(0, 6)
        if how == 0:
            self.crash(lambda connection: shop.enrol.run(connection, now))
            self.crash(lambda connection: shop.taking.catch_up(connection, now))
        elif how == 1:
            self.crash(lambda connection: shop.advance.run(connection, now, 100))
        elif how == 2:
            shop.restart()
            shop.limit = self.random.randint(1, 5)
        elif how == 3:
            shop.tick(now, self.users[:2])
        shop.tick(now)
        if how == 4:
            shop.tick(now)

    def live(self, moments: int) -> None:
        for _ in range(moments):
            for _ in range(self.random.randint(0, 3)):
                self.happen()
            self.tick()
            self.now += self.random.choice([HOUR, 5 * HOUR, 11 * HOUR, DAY, 3 * DAY])


@pytest.mark.parametrize("seed", range(4))
def test_nothing_happens_twice(shop: Shop, seed: int) -> None:
    life = Life(shop, seed)
    life.live(25)
    check(shop)
    before = (shop.enrolments("id, state, step, due_at"), shop.actions("id, state, reason"))
    life.now -= HOUR
    shop.restart()
    last = max(row[0] for row in shop.rows("SELECT max(entered_at) FROM enrolment"))
    shop.tick(last)
    assert (shop.enrolments("id, state, step, due_at"), shop.actions("id, state, reason")) == before


def check(shop: Shop) -> None:
    """The invariants, read from the tables alone."""
    entries = shop.enrolments("playbook, user_id, trigger_at, entered_at, occurrence")
    assert {row[0] for row in entries} == {"on_event", "on_move", "birthday", "daily", "rich"}
    assert max(Counter((name, user, occurrence) for name, user, *_, occurrence in entries).values()) == 1
    events = shop.rows("SELECT event_id, count(*) FROM enrolment WHERE event_id IS NOT NULL GROUP BY event_id")
    assert {count for _, count in events} == {1}
    for name, apart in (("on_move", 3 * DAY), ("daily", 36 * HOUR), ("rich", 4 * DAY)):
        for user in {row[1] for row in entries}:
            times = sorted(row[3] for row in entries if row[:2] == (name, user))
            assert all(later - earlier >= apart for earlier, later in itertools.pairwise(times))
    actions = shop.rows("SELECT enrolment_id, step, count(*) FROM action GROUP BY enrolment_id, step")
    assert {count for *_, count in actions} == {1}
    lines = shop.rows(
        "SELECT a.id FROM action a LEFT JOIN action_event v ON v.action_id = a.id GROUP BY a.id, a.state"
        " HAVING count(v.id) = 0"
    )
    assert lines == []
    naked = shop.rows(
        "SELECT a.id FROM action a WHERE a.coupon IS NOT NULL AND a.state IN ('queued', 'accepted') AND NOT EXISTS"
        " (SELECT 1 FROM coupon_code k WHERE k.enrolment_id = a.enrolment_id AND k.coupon = a.coupon)"
    )
    assert naked == []
    overdue = shop.rows("SELECT id FROM enrolment WHERE state = 'active' AND due_at < entered_at")
    assert overdue == []


def test_workers_at_the_same_time_do_everything_once(shop: Shop) -> None:
    shop.apply(*FILES, coupons=COUPONS, at=day(0))
    users = [
        shop.user(str(number), zone=ZONES[number % 4], birthday="1990-01-05", spend=20_000) for number in range(40)
    ]
    for user in users:
        shop.event(user, "order_completed", day(4.5))
    for number in range(200):
        shop.run("INSERT INTO coupon_code (coupon, code) VALUES ('GIFT', :code)", code=f"G{number}")

    def work(_: int) -> None:
        worker = Shop(shop.database, shop.content, limit=7)
        worker.restart()
        for moment in (day(4.5), day(5), day(5.5), day(6)):
            worker.tick(moment)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    found = Counter(name for (name,) in shop.enrolments("playbook"))
    assert found["on_event"] == found["birthday"] == found["rich"] == len(users)
    actions = shop.rows("SELECT enrolment_id, step, count(*) FROM action GROUP BY enrolment_id, step")
    assert {count for *_, count in actions} == {1}
    assert shop.rows("SELECT count(*), count(DISTINCT enrolment_id) FROM coupon_code WHERE coupon = 'GIFT'")[0][1] == 80
