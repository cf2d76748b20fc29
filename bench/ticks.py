"""Cost follows change: an idle tick, and a tick after new events of 1 % of users, compared with a full tick.

In the full tick all users are due but hardly any change, so it is the cheaper kind of full tick: facts are computed from
all events, everyone is placed, and few rows are written.

A tick after events is also compared with SQL written by hand for those users: their facts by one GROUP BY, their places, and
when they are due, on a copy of the same store. That has no playbooks, so the ticks that it is compared with have none
either. Then the playbooks are applied, and everything else is measured with them; ``with_playbooks`` tells what a tick takes
that also enrols these users and lets them take their first steps.
"""

import statistics
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Connection

from bench.by_hand import run_by_hand, signatures
from bench.common import choice_from_command_line, in_subprocess, report, seconds
from bench.end_states import differing_rows
from bench.events import random_events
from bench.handwritten_tick import users_with_news
from bench.population import NOW, app_of, brand_app, brand_content, forget_sweep
from bench.stores import Stores, stores
from engine.app import App
from engine.clock import HOUR, MINUTE, Instant
from engine.facts.sources.quantile import read_cuts
from engine.intake.rows.model import EventTuple
from engine.intake.write.events import write_events
from engine.loading import Content
from engine.store.due import add_unknown_users

FULL_SIZE = 1_000_000
EVENTS_PER_USER = 6
IDLE_BAR = 0.0005
CHANGED_BAR = 0.05
BY_HAND_BAR = 2.0
RUNS = 3


def make_store(url: str, size: int) -> None:
    """Make the store in which the ticks run: users with two years of events, of whom nothing is known yet."""
    app, _content = brand_app(url, playbooks=False)
    with app.database.write() as connection:
        random_events(connection, app.database.dialect, size, size * EVENTS_PER_USER)
        forget_sweep(connection)
        add_unknown_users(connection)
    app.close()


@dataclass(frozen=True, slots=True)
class Ticks:
    """A worker on one store, warm as after a day of ticks; the store's connections are closed between the ticks."""

    app: App
    content: Content
    stores: Stores
    size: int
    differing: list[int] = field(default_factory=list)
    """How many rows of each tick after events differ from those by hand."""

    def tick(self, at: int) -> float:
        """Return the seconds of a tick."""
        return seconds(lambda: self.app.tick(self.content, Instant(at)))

    def full(self, at: int) -> float:
        """Make everybody due, and tick."""
        with self.app.database.write() as connection:
            connection.exec_driver_sql("UPDATE user_due SET due_at = 0")
        return self.tick(at)

    def after_events(self, number: int, at: Instant) -> float:
        """Give a hundredth of the users an order each; return the seconds of a tick."""
        self._give_orders(number, at)
        return self._tick_connected(at)

    def beside_by_hand(self, number: int, at: Instant) -> tuple[float, float]:
        """Give a hundredth of the users an order each; return the seconds of a tick, and of the SQL by hand."""
        self._give_orders(number, at)
        dialect = self.app.database.dialect
        with self.app.database.read() as connection:
            cuts = read_cuts(connection)
        self.app.close()
        copied = self.stores.copy(self.stores.url("store"), "by_hand")
        found = signatures(self.content, dialect)
        statements = users_with_news(dialect, found, tuple(self.content.catalog.facts), cuts)
        version = self.content.rules.version
        by_hand = in_subprocess(run_by_hand, copied, statements, at, version, "behaviour").wall
        ours = self._tick_connected(at)
        self.app.close()
        self.differing.append(in_subprocess(differing_rows, self.stores.url("store"), copied))
        return ours, by_hand

    def _give_orders(self, number: int, at: Instant) -> None:
        """Write the orders. Whoever is due by the calendar is evaluated before, so that this is no part of the measure."""
        self.tick(at)
        orders: list[EventTuple] = [
            (f"new{number}-{user}", f"u{user}", "order_completed", int(at), 4_200, '{"category": "home"}')
            for user in range(number + 1, self.size + 1, 100)
        ]

        def write(connection: Connection) -> None:
            write_events(connection, self.app.database.dialect, orders, at)

        self.app.database.in_transaction(write)

    def _tick_connected(self, at: Instant) -> float:
        with self.app.database.read() as connection:  # connecting is not measured
            connection.exec_driver_sql("SELECT 1")
        return self.tick(at)


@dataclass(frozen=True, slots=True)
class Compared:
    """A tick after events without playbooks, and the SQL by hand."""

    first: float
    ours: float
    by_hand: float
    differing: int


def without_playbooks(kept: Stores, url: str, size: int) -> Compared:
    """Evaluate everybody for the first time, then compare ticks with the SQL by hand."""
    app = app_of(url)
    ticks = Ticks(app, brand_content(playbooks=False), kept, size)
    first = ticks.tick(NOW)
    app.close()
    kept.settle(url)
    both = [ticks.beside_by_hand(number, Instant(NOW + number * HOUR)) for number in range(1, RUNS + 1)]
    app.close()
    ours, by_hand = (statistics.median(one) for one in zip(*both, strict=True))
    return Compared(first, ours, by_hand, sum(ticks.differing))


def measure(kept: Stores, database: str, size: int) -> bool:
    """Run the ticks and compare them."""
    url = kept.fresh("store")
    in_subprocess(make_store, url, size)
    kept.settle(url)
    compared = without_playbooks(kept, url, size)
    begin = Instant(NOW + (RUNS + 1) * HOUR)
    app, content = brand_app(url, begin)
    ticks = Ticks(app, content, kept, size)
    ticks.tick(begin)
    app.close()
    kept.settle(url)
    full = ticks.full(begin + MINUTE)
    idle = statistics.median(ticks.tick(begin + MINUTE + second) for second in (1_000, 2_000, 3_000, 4_000, 5_000))
    later = range(RUNS + 2, 2 * RUNS + 2)
    changed = statistics.median(ticks.after_events(number, Instant(NOW + number * HOUR)) for number in later)
    app.close()
    report_line = partial(report, at_most=True, database=database, size=size)
    fine = [
        report_line("idle_tick", ratio=idle / full, bar=IDLE_BAR, seconds=round(idle, 4), floor=round(full, 2)),
        report_line(
            "changed_tick", ratio=changed / full, bar=CHANGED_BAR, seconds=round(changed, 3), floor=round(full, 2),
            first_tick=round(compared.first, 2),
        ),
        report_line(
            "changed_tick_by_hand", ratio=compared.ours / compared.by_hand, bar=BY_HAND_BAR,
            seconds=round(compared.ours, 3), floor=round(compared.by_hand, 3), with_playbooks=round(changed, 3),
            differing_rows=compared.differing,
        ) and not compared.differing,
    ]  # fmt: skip
    return all(fine)


def main() -> bool:
    """Measure in a fresh store."""
    choice = choice_from_command_line(FULL_SIZE, "users")
    with stores(choice.database) as kept:
        return measure(kept, choice.database, choice.size)


if __name__ == "__main__":
    raise SystemExit(not main())
