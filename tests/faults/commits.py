"""A life of a few users over several ticks, in which a worker can die at any commit; and all that it leaves behind."""

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psycopg
from psycopg import sql
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url

from engine.app import App
from engine.channels import CHANNELS
from engine.channels.base import channel_addresses
from engine.clock import DAY, HOUR, FixedClock, Instant
from engine.intake.rows.model import EventTuple, UserRow
from engine.intake.write.events import write_events
from engine.intake.write.users import write_users
from engine.loading import Content
from engine.rules.decide.decider import Deciders
from engine.settings import Settings
from engine.store.database import Database
from tests import maison
from tests.stores import ScriptedStore
from tests.world import World

When = Literal["before", "after"]
MONDAY = Instant(1_772_409_600_000)  # 2026-03-02T00:00:00Z
TICKS = tuple(
    Instant(MONDAY + at) for at in (9 * HOUR, DAY + 10 * HOUR, 3 * DAY, 62 * DAY, 63 * DAY + 12 * HOUR, 67 * DAY)
)
"""A digest and birthdays; thanks; thanks after their wait; at risk; some come back; time-outs."""
USERS = 11
DIGEST = """
[playbook]
name = "digest"
class = "marketing"
reentry = "6d"
expires = "1d"

[trigger]
schedule = { cron = "0 10 * * mon" }

[[step]]
id = "digest"
send = ["email"]
template = "digest/digest"
"""
MAIL = '[[step]]\nid = "mail"'
FILES = {
    "playbooks/thanks.toml": maison.THANKS.replace(MAIL, f'[[step]]\nwait = "1d"\n\n{MAIL}'),
    "playbooks/winback.toml": maison.WINBACK.replace("value = 'high'", "value in ('high', 'low')")
    .replace('wait_for = "order_completed"', 'wait_for = "review_posted"')
    .replace("10d", "4d"),
    "playbooks/digest.toml": DIGEST,
    "templates/digest/digest.email.j2": maison.email("News", "Hello {{ facts.first_name }}"),
}
"""Laid over Maison's files: a playbook for each kind of trigger, and waits that end within these ticks."""


class Died(Exception):
    """The worker died here."""


@dataclass
class Faults:
    """Counts commits of all databases; the worker dies just before or just after number ``at``, once in each tick."""

    at: int = 0
    when: When = "before"
    seen: int = 0

    def over(self, store: ScriptedStore) -> None:
        """Let whoever writes to the store die."""

        def committing(_: Connection) -> None:
            self.seen += 1
            if self.seen == self.at and self.when == "before":
                raise Died

        def committed() -> None:
            if self.seen == self.at and self.when == "after":
                raise Died

        store.committing, store.committed = committing, committed


@dataclass(frozen=True)
class Life:
    """A brand, compiled once, and a store in which nothing was lived yet, to be copied for each run."""

    settings: Settings
    content: Content
    deciders: Deciders
    copy: Callable[[], str]

    def app(self, url: str, at: Instant, faults: Faults | None = None) -> App:
        settings = self.settings.model_copy(update={"store": self.settings.store.model_copy(update={"url": url})})
        app = App(settings, FixedClock(at))
        app.deciders = self.deciders
        if faults:
            app.database = store = ScriptedStore(url)
            faults.over(store)
        return app


def prepare(folder: Path, url: str, copy: Callable[[], str]) -> Life:
    """Make the brand and the store at ``url``. Chunks are so small that each tick has several of each kind."""
    world = World(folder / "maison", url, FILES, {"channels": {"email": {"in_flight": 3}}, "delivery": {"batch": 4}})
    given = world.app.settings
    chunks = {"chunk": 6, "enrolment_chunk": 8}
    settings = given.model_copy(update={"schedule": given.schedule.model_copy(update=chunks)})
    world.close()
    app = App(settings, FixedClock(MONDAY))
    content = app.content()
    app.migrate(content)
    app.apply(content, MONDAY)
    with app.database.write() as connection:
        populate(connection, app.database)
    app.close()
    return Life(settings, content, app.deciders, copy)


def populate(connection: Connection, database: Database) -> None:
    """Users of two zones with birthdays; sign-ups, orders and reviews, which are still to come at the first tick."""
    users = [
        UserRow(
            key=f"u{n}", email=f"u{n}@example.com", timezone=("Europe/Berlin", "America/New_York")[n % 2],
            created_at=MONDAY - DAY, attributes={"birthday": f"1990-03-0{1 + n % 4}", "first_name": f"Name{n}"},
        )
        for n in range(USERS)
    ]  # fmt: skip
    events: list[EventTuple] = []
    for n in range(USERS):
        for order in range(n % 4):
            at = MONDAY + order * DAY + (1 + n) * HOUR
            events.append((f"o{n}.{order}", f"u{n}", "order_completed", at, 20_000, '{"category": "beauty"}'))
        if n % 2:
            events.append((f"s{n}", f"u{n}", "signed_up", MONDAY + HOUR, None, None))
        if n % 3 == 0:
            events.append((f"r{n}", f"u{n}", "review_posted", MONDAY + 63 * DAY, None, None))
        if n % 5 == 2:
            events.append((f"b{n}", f"u{n}", "order_completed", MONDAY + 64 * DAY, 5_000, None))
    write_users(connection, database.dialect, users, MONDAY, channel_addresses(CHANNELS))
    write_events(connection, database.dialect, events, MONDAY)
    codes = [{"code": f"G{n:03d}"} for n in range(40)]
    connection.execute(text("INSERT INTO coupon_code (coupon, code) VALUES ('GIFT', :code)"), codes)
    secrets = [{"name": name, "value": name * 9} for name in ("coupons", "unsubscribe")]
    connection.execute(text("INSERT INTO secret (name, value, created_at) VALUES (:name, :value, 0)"), secrets)


def sqlite_life(folder: Path) -> Life:
    source = folder / "source.db"

    def copy() -> str:
        target = folder / f"{uuid.uuid4().hex}.db"
        shutil.copy(source, target)
        return f"sqlite:///{target}"

    return prepare(folder, f"sqlite:///{source}", copy)


@contextmanager
def postgresql_life(folder: Path, url: str, postgres: psycopg.Connection) -> Iterator[Life]:
    made: list[str] = []

    def copy() -> str:
        made.append(f"t_{uuid.uuid4().hex[:16]}")
        names = sql.Identifier(made[-1]), sql.Identifier(str(make_url(url).database))
        postgres.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
        return make_url(url).set(database=made[-1]).render_as_string(hide_password=False)

    try:
        yield prepare(folder, url, copy)
    finally:
        for name in made:
            postgres.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


# --- what is left behind ---------------------------------------------------------------------------------------------

_ENROLMENT = (
    "SELECT n.id, u.key || ' ' || n.playbook || ' ' || CASE WHEN n.occurrence LIKE 'transition:%' THEN"
    " (SELECT 'transition ' || t.dimension || ' ' || t.to_place || ' ' || CAST(t.at AS TEXT) FROM transition t"
    " WHERE 'transition:' || CAST(t.id AS TEXT) = n.occurrence) ELSE n.occurrence END AS name"
    " FROM enrolment n JOIN users u ON u.id = n.user_id"
)
_ACTION = f"SELECT a.id, n.name || ' ' || a.step || ' ' || CAST(a.attempt AS TEXT) AS name FROM action a JOIN ({_ENROLMENT}) n ON n.id = a.enrolment_id"  # fmt: skip
_OF_ENROLMENT = "n.version, n.state, n.step, n.due_at, n.trigger_at, n.event_id, n.entered_at, n.waiting_since, n.ended_at, n.reason"  # fmt: skip
_OF_ACTION = (
    "a.version, a.kind, a.class, a.priority, a.channel, a.next_channels, a.template, a.send_window, a.coupon, a.state,"
    " a.reason, a.due_at, a.expires_at, a.tries, a.lease_until, a.fence, a.created_at, a.changed_at"
)
_QUERIES = {
    "transitions": "SELECT u.key, t.dimension, t.from_place, t.to_place, t.at, t.cause, t.rule, t.rules_version, t.signature"
    " FROM transition t JOIN users u ON u.id = t.user_id ORDER BY u.key, t.dimension, t.id",
    "state": "SELECT u.key, s.* FROM user_state s JOIN users u ON u.id = s.user_id ORDER BY u.key",
    "due": "SELECT u.key, t.due_at, t.cause, t.evaluated_at FROM user_due t JOIN users u ON u.id = t.user_id ORDER BY u.key",
    "news": "SELECT user_id, due_at, cause FROM user_news ORDER BY id",
    "dates": "SELECT u.key, d.fact, d.month_day, d.year FROM user_date d JOIN users u ON u.id = d.user_id ORDER BY 1, 2",
    "open sweeps": "SELECT cause, depth, everybody FROM sweep WHERE finished_at IS NULL",
    "ranges of sweeps": "SELECT low, high FROM sweep_range",
    "enrolments": f"SELECT x.name, {_OF_ENROLMENT} FROM enrolment n JOIN ({_ENROLMENT}) x ON x.id = n.id ORDER BY x.name",
    "actions": f"SELECT x.name, {_OF_ACTION} FROM action a JOIN ({_ACTION}) x ON x.id = a.id ORDER BY x.name",
    "log": f"SELECT x.name, e.at, e.state, e.reason, e.detail FROM action_event e JOIN ({_ACTION}) x"
    " ON x.id = e.action_id ORDER BY x.name, e.id",
    # The codes of a series follow from the enrolment's number, and PostgreSQL's numbers have gaps after a crash.
    "codes": "SELECT k.coupon, CASE WHEN k.coupon = 'GIFT' THEN k.code ELSE '' END AS code, x.name, k.expires_at,"
    f" k.claimed_at FROM coupon_code k LEFT JOIN ({_ENROLMENT}) x ON x.id = k.enrolment_id ORDER BY 1, 2, 3",
    "slots": "SELECT schedule, slot, taken_at FROM slot ORDER BY schedule, slot",
    "versions": "SELECT kind, name, hash, applied_at FROM version ORDER BY kind, name, hash",
    "cut points": "SELECT fact, calibrated_at FROM cut_points ORDER BY fact",
}


def left_behind(app: App) -> dict[str, list[tuple[Any, ...]]]:
    """All that ticks write, under natural names instead of numbers."""
    with app.database.read() as connection:
        return {what: [tuple(row) for row in connection.execute(text(query))] for what, query in _QUERIES.items()}
