"""A store with users, events and declared facts, on both databases."""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, text

from engine.clock import Instant
from engine.content.bundle import Bundle
from engine.facts.catalog import FactCatalog, load_catalog
from engine.rules.decide.decider import Deciders
from engine.rules.evaluation import Evaluation
from engine.rules.ruleset import load_rules
from engine.store.database import Database
from engine.store.due import add_unknown_users
from engine.store.state_table import follow, migrate
from engine.store.temporary import DUE_USER, temporary, user_key
from tests.facts.reference import Happened


class FactsStore:
    """One database that follows one ``facts.toml``."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        self.catalog = FactCatalog({}, {}, 100)
        migrate(self.database)

    def declare(self, facts: str) -> None:
        """Read the declared facts, which have to be right, and let the table follow them."""
        self.catalog, findings = load_catalog(Bundle({"rules/facts.toml": facts}), 100)
        assert findings == []
        with self.database.write() as connection:
            follow(connection, self.database.dialect, self.catalog.columns())

    def fill(self, users: Iterable[int], events: Iterable[Happened], attributes: dict[str, Any] | None = None) -> None:
        """Replace all users and events."""
        with self.database.write() as connection:
            for table in ("event", "user_due", "user_state", "users"):
                connection.execute(text(f"DELETE FROM {table}"))
            rows = [{"id": user, "key": f"u{user}", "a": json.dumps(attributes or {})} for user in users]
            self._insert(
                connection,
                "users",
                "(id, key, locale, first_seen_at, attributes, updated_at)",
                "(:id, :key, 'en', 5, {a}, 0)",
                rows,
            )
            rows = [
                {"id": e.id, "u": e.user, "n": e.name, "t": e.at, "m": e.amount, "a": json.dumps(e.properties)}
                for e in events
            ]
            columns = "(id, key, user_id, name, at, received_at, amount, properties)"
            self._insert(connection, "event", columns, "(:id, CAST(:id AS TEXT), :u, :n, :t, 0, :m, {a})", rows)
            add_unknown_users(connection)

    def _insert(
        self, connection: Connection, table: str, columns: str, values: str, rows: list[dict[str, Any]]
    ) -> None:
        as_json = self.database.dialect.as_json(":a")
        if rows:
            connection.execute(text(f"INSERT INTO {table} {columns} VALUES {values.format(a=as_json)}"), rows)

    def refresh(self, now: int, users: Iterable[int] | None = None) -> None:
        """Find the facts of ``users``, or of all, as of ``now``, and write them."""
        dialect = self.database.dialect
        with self.database.write() as connection:
            temporary(connection, dialect, DUE_USER, f"{user_key(dialect)}, cause TEXT")
            if users is None:
                connection.execute(text(f"INSERT INTO {DUE_USER} (user_id) SELECT id FROM users"))
            else:
                taken = text(f"INSERT INTO {DUE_USER} (user_id) VALUES (:u)")
                connection.execute(taken, [{"u": user} for user in users])
            rules, _ = load_rules(Bundle({}), self.catalog)
            Evaluation(self.catalog, rules, dialect, Deciders()).find_facts(connection, Instant(now))

    def facts(self) -> dict[int, dict[str, Any]]:
        """Return the facts of all users, by name."""
        columns = ", ".join(fact.column for fact in self.catalog.facts.values())
        with self.database.read() as connection:
            rows = connection.execute(text(f"SELECT user_id, {columns} FROM user_state ORDER BY user_id")).all()
        return {row[0]: dict(zip(self.catalog.facts, row[1:], strict=True)) for row in rows}

    def column(self, name: str) -> list[Any]:
        """Return one column of ``user_state``, by user."""
        with self.database.read() as connection:
            return list(connection.execute(text(f"SELECT {name} FROM user_state ORDER BY user_id")).scalars())
