"""A migrated store, files to import, and what the store holds afterwards in a form that tests can compare."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import text

from engine.channels import CHANNELS
from engine.channels.base import channel_addresses
from engine.clock import FixedClock, Instant
from engine.content.declared import Declared
from engine.content.value_types import ValueType
from engine.intake.files.importing import import_devices, import_events, import_users
from engine.intake.files.options import ImportOptions
from engine.intake.files.source import Source
from engine.intake.files.summary import ImportSummary
from engine.store.database import Database
from engine.store.state_table import migrate

NOW = Instant(1_800_000_000_000)
DECLARED = Declared(
    events={
        "order_completed": {"amount": ValueType.MONEY, "category": ValueType.TEXT, "items": ValueType.INTEGER},
        "survey_answered": {"items": ValueType.BOOLEAN},
    },
    attributes={"birthday": ValueType.DATE, "points": ValueType.INTEGER, "firstName": ValueType.TEXT},
    currency_scale=100,
    currency="USD",
    channels=channel_addresses(CHANNELS),
)


@contextmanager
def fresh(url: str) -> Iterator[Database]:
    database = Database(url)
    migrate(database)
    try:
        yield database
    finally:
        database.close()


class Intake:
    """Imports files into one store."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.clock = FixedClock(NOW)

    def file(self, content: str | bytes, name: str = "file.csv") -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def events(self, content: str | bytes, name: str = "events.csv", **options: Any) -> ImportSummary:
        source = Source(self.file(content, name))
        return import_events(self.database, source, DECLARED, ImportOptions(**options), self.clock)

    def users(self, content: str | bytes, name: str = "users.csv", **options: Any) -> ImportSummary:
        source = Source(self.file(content, name))
        return import_users(self.database, source, DECLARED, ImportOptions(**options), self.clock)

    def devices(self, content: str | bytes, name: str = "devices.csv", **options: Any) -> ImportSummary:
        source = Source(self.file(content, name))
        return import_devices(self.database, source, DECLARED, ImportOptions(**options), self.clock)

    def rejected(self, name: str = "events.csv") -> str:
        return (self.folder / f"{name}.rejected.csv").read_text(encoding="utf-8-sig")

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self.database.read() as connection:
            return [tuple(row) for row in connection.execute(text(sql))]

    def write(self, sql: str) -> None:
        with self.database.write() as connection:
            connection.execute(text(sql))

    def news(self) -> dict[str, set[tuple[int, str]]]:
        """Key -> when the user is due, and why, since the news were last folded; and fold them.

        An import appends news and nothing else: what ticks write is none of its business.
        """
        found: dict[str, set[tuple[int, str]]] = {}
        for key, due_at, cause in self.query(
            "SELECT u.key, n.due_at, n.cause FROM user_news n JOIN users u ON u.id = n.user_id ORDER BY n.id"
        ):
            found.setdefault(key, set()).add((due_at, cause))
        assert self.query("SELECT user_id FROM user_due UNION ALL SELECT user_id FROM user_state") == []
        self.write("DELETE FROM user_news")
        return found

    def stored(self) -> list[tuple[Any, ...]]:
        """All that an import writes, without ids and the order of writing."""
        return [
            *self.query(
                "SELECT u.key, u.email, u.locale, u.timezone, u.first_seen_at, u.id IN (SELECT user_id FROM user_news)"
                " FROM users u ORDER BY u.key"
            ),
            *self.query(
                "SELECT e.key, u.key, e.name, e.at, e.amount, CAST(e.properties AS text) "
                "FROM event e JOIN users u ON u.id = e.user_id ORDER BY e.key"
            ),
        ]
