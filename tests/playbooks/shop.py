"""A small brand for tests of playbooks: facts and placements are set by hand, so that only playbooks are tested."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, text

from engine.clock import DAY, Instant, instant
from engine.content.bundle import Bundle
from engine.content.findings import Finding
from engine.facts.catalog import FactCatalog, load_catalog
from engine.incentives.coupons import CouponDesk
from engine.playbooks.advance import Advance
from engine.playbooks.enrol import Enrol
from engine.playbooks.file.load import load_playbooks
from engine.playbooks.file.part import References
from engine.playbooks.file.playbook import Playbook, Playbooks
from engine.playbooks.occasions import Occasions, occasion_indexes
from engine.playbooks.pinned import PinnedPlaybooks
from engine.playbooks.settle import Settle
from engine.playbooks.versions import record_versions
from engine.rules.ruleset import RuleSet, load_rules
from engine.store.database import Database
from engine.store.state_table import follow, migrate
from engine.store.temporary import DUE_USER, temporary

FACTS = """
[events.order_completed]
amount = "money"
category = "text"

[events.review_posted]

[facts.birthday]
attribute = "birthday"
type = "date"

[facts.language]
attribute = "language"
type = "text"

[facts.spend]
sum = "order_completed.amount"

[facts.last_order_at]
last = "order_completed"
"""

LIFECYCLE = """
[dimension]
name = "lifecycle"
kind = "stages"
initial = "potential"

[[transition]]
from = ["potential", "at_risk"]
to = "active"
when = "spend > 0"

[[transition]]
from = ["active"]
to = "at_risk"
when = "days_since(last_order_at) > 60"
"""

NEEDS = """
[dimension]
name = "needs"
kind = "segments"

[[segment]]
name = "basic"
when = "spend > 0"

[[segment]]
name = "advanced"
when = "spend > 500"
"""

RULES = {"rules/facts.toml": FACTS, "rules/lifecycle.toml": LIFECYCLE, "rules/needs.toml": NEEDS}
SECRET = b"a secret of the tests"
BEGINNING = instant(datetime(2020, 1, 1, tzinfo=UTC))


def at(moment: str) -> Instant:
    """The instant of ISO text, UTC unless it says otherwise."""
    read = datetime.fromisoformat(moment)
    return instant(read if read.tzinfo else read.replace(tzinfo=UTC))


def playbook(
    name: str = "hello",
    trigger: str = 'event = "order_completed"',
    *,
    reentry: str = "always",
    expires: str = "7d",
    rest: str = "",
    steps: str = '[[step]]\nid = "mail"\nsend = ["email"]\ntemplate = "hello/mail"\n',
) -> str:
    """The text of a playbook's file."""
    return (
        f'[playbook]\nname = "{name}"\nclass = "marketing"\nreentry = "{reentry}"\nexpires = "{expires}"\n'
        f"[trigger]\n{trigger}\n{rest}\n{steps}"
    )


@dataclass(frozen=True)
class Content:
    """Files, loaded."""

    bundle: Bundle
    catalog: FactCatalog
    rules: RuleSet
    playbooks: Playbooks
    findings: list[Finding]


def load(playbooks: Mapping[str, str], templates: Iterable[str] | None = None) -> Content:
    """Load playbooks (file name -> text) beside the rules of the shop."""
    bundle = Bundle({**RULES, **{f"playbooks/{name}.toml": text for name, text in playbooks.items()}})
    catalog, wrong_facts = load_catalog(bundle, 100)
    rules, wrong_rules = load_rules(bundle, catalog)
    assert not [*wrong_facts, *wrong_rules]
    names = None if templates is None else frozenset(templates)
    found, findings = load_playbooks(bundle, rules.scope, catalog, rules.places, names)
    return Content(bundle, catalog, rules, found, findings)


@dataclass
class Shop:
    """A database with the shop's playbooks applied."""

    database: Database
    content: Content
    zone: str = "UTC"
    limit: int = 1_000

    def apply(self, *files: str, coupons: str = "", at: int = BEGINNING) -> "Shop":
        """Make these files the running ones."""
        named = {f"p{number}": text for number, text in enumerate(files)}
        if coupons:
            named["coupons"] = coupons
        content = load(named)
        assert not [finding for finding in content.findings if finding.severity == "error"], content.findings
        self.content = content
        with self.database.write() as connection:
            declared = (*content.catalog.columns(), *content.rules.columns())
            follow(connection, self.database.dialect, declared)
            record_versions(connection, content.playbooks, content.bundle, Instant(at))
            for sql in occasion_indexes(content.playbooks):
                connection.execute(text(sql))
        self.restart()
        return self

    def restart(self) -> None:
        """Forget all that a worker remembers between ticks."""
        playbooks, dialect = self.content.playbooks, self.database.dialect
        references = References(
            self.content.rules.scope, self.content.catalog, self.content.rules.places, playbooks.coupons
        )
        pinned = PinnedPlaybooks(playbooks, references)
        self.enrol = Enrol(playbooks, dialect)
        self.settle = Settle(pinned, dialect)
        self.taking = self.occasions()
        self.advance = Advance(pinned, CouponDesk(playbooks.coupons, SECRET, dialect), dialect, self.zone)

    def occasions(self) -> Occasions:
        """A worker's occasions, that remember nothing."""
        return Occasions(self.content.playbooks, self.database.dialect, self.zone, self.settle)

    def named(self, name: str = "hello") -> Playbook:
        """A playbook of the running content."""
        found = self.content.playbooks.named(name)
        assert found is not None
        return found

    def user(self, key: str, zone: str | None = None, first_seen: int = BEGINNING, **state: object) -> int:
        """Make a user with the given columns of ``user_state``: ``birthday="1990-05-17"``, ``lifecycle="active"``."""
        with self.database.write() as connection:
            user = connection.execute(
                text(
                    "INSERT INTO users (key, timezone, first_seen_at, updated_at) VALUES (:key, :zone, :seen, :seen)"
                    " RETURNING id"
                ),
                {"key": key, "zone": zone, "seen": first_seen},
            ).scalar_one()
            if zone:
                connection.execute(text("INSERT INTO zone VALUES (:zone) ON CONFLICT DO NOTHING"), {"zone": zone})
            connection.execute(text("INSERT INTO user_state (user_id, due_at) VALUES (:user, 0)"), {"user": user})
        if state:
            self.state(user, **state)
        return int(user)

    def state(self, user: int, **values: object) -> None:
        """Set columns of ``user_state`` by the name of their fact or dimension."""
        columns = {f"place_{name}" if name in self.content.rules.places else f"fact_{name}": name for name in values}
        setting = ", ".join(f"{column} = :{name}" for column, name in columns.items())
        self.run(f"UPDATE user_state SET {setting} WHERE user_id = :user_id", user_id=user, **values)

    def event(self, user: int, name: str, at: int, amount: int | None = None, key: str | None = None) -> int:
        """Let an event happen."""
        with self.database.write() as connection:
            event = connection.execute(
                text(
                    "INSERT INTO event (key, user_id, name, at, received_at, amount) VALUES"
                    " (:key, :user, :name, :at, :at, :amount) RETURNING id"
                ),
                {"key": key or f"{user}-{name}-{at}", "user": user, "name": name, "at": at, "amount": amount},
            ).scalar_one()
        return int(event)

    def move(  # noqa: PLR0917 - a transition has that many parts
        self, user: int, dimension: str, before: str | None, after: str | None, at: int, cause: str | None = None
    ) -> None:
        """Write a transition, and the placement of dimensions with one place."""
        self.run(
            "INSERT INTO transition (user_id, dimension, from_place, to_place, at, cause, rule, rules_version,"
            " signature) VALUES (:user, :dimension, :before, :after, :at, :cause, 'r', 'v', 0)",
            cause=cause,
            user=user,
            dimension=dimension,
            before=before,
            after=after,
            at=at,
        )
        if dimension == "lifecycle":
            self.state(user, lifecycle=after)

    def run(self, sql: str, **binds: object) -> None:
        """Execute a statement in a transaction of its own."""
        with self.database.write() as connection:
            connection.execute(text(sql), binds)

    def rows(self, sql: str, **binds: object) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with self.database.read() as connection:
            return [tuple(row) for row in connection.execute(text(sql), binds)]

    def due(self, connection: Connection, users: Iterable[int] | None = None) -> None:
        """Fill ``due_user``; with everybody where ``users`` is None."""
        temporary(connection, self.database.dialect, DUE_USER, "user_id BIGINT PRIMARY KEY")
        wanted = "" if users is None else f" WHERE id IN ({', '.join(map(str, users)) or 'NULL'})"
        connection.execute(text(f"INSERT INTO {DUE_USER} SELECT id FROM users{wanted}"))

    def tick(self, now: int, users: Iterable[int] | None = None) -> None:
        """One tick: the chunk, occasions, steps."""
        moment = Instant(now)
        with self.database.write() as connection:
            self.due(connection, users)
            self.enrol.run(connection, moment)
            self.taking.catch_up(connection, moment)
            self.settle.run(connection, moment)
        self.taking.run(self.database, moment)
        self.go_on(now)

    def go_on(self, now: int) -> None:
        """Advance until nothing is due."""
        while True:
            with self.database.write() as connection:
                if not self.advance.run(connection, Instant(now), self.limit).passed:
                    return

    def enrolments(self, columns: str = "user_id, occurrence, state, reason") -> list[tuple[Any, ...]]:
        """All enrolments in their order."""
        return self.rows(f"SELECT {columns} FROM enrolment ORDER BY id")

    def actions(self, columns: str = "user_id, step, state, reason") -> list[tuple[Any, ...]]:
        """All actions in their order."""
        return self.rows(f"SELECT {columns} FROM action ORDER BY id")


def open_shop(url: str) -> Shop:
    """A shop without playbooks on a fresh database."""
    database = Database(url)
    migrate(database)
    return Shop(database, load({})).apply()


def day(number: float) -> Instant:
    """An instant in days after the beginning of 2026."""
    return Instant(at("2026-01-01") + int(number * DAY))
