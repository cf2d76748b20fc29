"""A store whose facts the test sets as attributes, so that nothing but the rules is tried; on both databases."""

import json
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, text

from engine.clock import Instant
from engine.content.bundle import Bundle
from engine.facts.catalog import FactCatalog, load_catalog
from engine.rules.decide.decider import Deciders
from engine.rules.evaluation import Evaluation
from engine.rules.ruleset import RuleSet, load_rules
from engine.store.database import Database
from engine.store.due import Cause, take_due_users
from engine.store.news import add_news, fold_news, newest_news
from engine.store.state_table import follow, migrate
from engine.store.sweep import (
    SweepDepth,
    SweepNeed,
    close_sweep,
    current_sweep,
    open_sweep,
    reach,
    take_range,
)
from tests.rules.reference import FILES

GIVEN = """
[facts]
spend = { attribute = "spend", type = "money" }
orders = { attribute = "orders", type = "integer" }
last_order_at = { attribute = "last_order_at", type = "instant" }
"""
Facts = tuple[int, int, int | None]
"""Spend in minor units, orders, and the instant of the last order."""


class RulesStore:
    """One database, evaluated by one version of the rules at a time."""

    def __init__(self, url: str, files: Mapping[str, str] = FILES) -> None:
        self.database = Database(url)
        self._deciders = Deciders()
        migrate(self.database)
        self.use(files)

    def use(self, files: Mapping[str, str]) -> None:
        """Go on with these rules; opens no sweep."""
        self.catalog, self.rules = compiled(files)
        self.evaluation = Evaluation(self.catalog, self.rules, self.database.dialect, self._deciders)
        with self.database.write() as connection:
            follow(connection, self.database.dialect, (*self.catalog.columns(), *self.rules.columns()))
            if (opened := current_sweep(connection)) is not None:
                close_sweep(connection, opened)

    def set_facts(self, facts: Mapping[int, Facts]) -> None:
        """Change users, creating those who are new, and make them due."""
        names = ("spend", "orders", "last_order_at")
        rows = [
            {"id": user, "key": f"u{user}", "given": json.dumps(dict(zip(names, values, strict=True)))}
            for user, values in facts.items()
        ]
        attributes = self.database.dialect.as_json(":given")
        with self.database.write() as connection:
            connection.execute(
                text(
                    "INSERT INTO users (id, key, first_seen_at, updated_at, attributes)"
                    f" VALUES (:id, :key, 0, 0, {attributes})"
                    " ON CONFLICT (id) DO UPDATE SET attributes = excluded.attributes"
                ),
                rows,
            )
            add_news(connection, self.database.dialect, list(facts), Cause.BEHAVIOUR)

    def evaluate(self, now: Instant, chunk: int = 50) -> set[int]:
        """Evaluate everyone who is due, in chunks; return who was."""
        evaluated: set[int] = set()
        while True:
            with self.database.write() as connection:
                fold_news(connection, self.database.dialect, now, newest_news(connection))
                users = take_due_users(connection, self.database.dialect, now, chunk)
                if not users:
                    return evaluated
                evaluated |= _due_users(connection)
                self.evaluation.evaluate(connection, now, users)

    def sweep(
        self, now: Instant, depth: SweepDepth = SweepDepth.PLACES, *, everybody: bool = False, chunk: int = 50
    ) -> set[int]:
        """Sweep everybody with the current rules; return about whom triggers would be asked."""
        asked: set[int] = set()
        with self.database.write() as connection:
            open_sweep(connection, SweepNeed(Cause.RULES, depth, everybody), "")
        while True:
            with self.database.write() as connection:
                sweep = current_sweep(connection)
                assert sweep is not None
                users = take_range(connection, sweep, chunk)
                if users is None:
                    close_sweep(connection, sweep)
                    return asked
                assert reach(connection, sweep, users)
                self.evaluation.of_range.look(connection, sweep, users, now)
                self.evaluation.of_range.write(connection, sweep, users, now)
                asked |= _due_users(connection)

    def everybody_due(self, now: Instant) -> None:
        """Make everybody due at once, as if each had done something."""
        with self.database.write() as connection:
            users: Sequence[int] = connection.execute(text("SELECT id FROM users ORDER BY id")).scalars().all()
            add_news(connection, self.database.dialect, users, Cause.BEHAVIOUR)
            fold_news(connection, self.database.dialect, now, newest_news(connection))

    def all(self, sql: str) -> list[tuple[object, ...]]:
        """Return the rows of a query."""
        with self.database.read() as connection:
            return [tuple(row) for row in connection.execute(text(sql))]

    def execute(self, sql: str) -> None:
        """Run SQL for what no public call does."""
        with self.database.write() as connection:
            connection.execute(text(sql))


def compiled(files: Mapping[str, str]) -> tuple[FactCatalog, RuleSet]:
    """Compile rules over the given facts; they have to be right."""
    bundle = Bundle({**files, "rules/facts.toml": GIVEN})
    catalog, mistakes = load_catalog(bundle, 100)
    rules, more = load_rules(bundle, catalog)
    assert [*mistakes, *more] == []
    return catalog, rules


def _due_users(connection: Connection) -> set[int]:
    found: Iterable[int] = connection.execute(text("SELECT user_id FROM due_user")).scalars()
    return set(found)
