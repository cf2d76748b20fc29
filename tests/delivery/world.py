"""A small brand to deliver for: a store with users and actions, a scripted provider, a delivery over both."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Table, insert, text

from adapters.base import Adapter, Answer, Message, Outcome
from engine.actions.history import LogEntry, LogFilter, read_actions, read_changes
from engine.channels import CHANNELS
from engine.channels.base import blocks_of
from engine.clock import DAY, HOUR, FixedClock, Instant
from engine.content.bundle import Bundle
from engine.delivery.dispatch import Delivery
from engine.delivery.gates import GATES
from engine.delivery.tally import Drained
from engine.facts.catalog import FactCatalog, load_catalog
from engine.messages.templates import TemplateLibrary
from engine.settings import Brand, ChannelSettings, ConsentSettings, DeliverySettings, Settings
from engine.store.database import Database
from engine.store.state_table import follow, migrate
from engine.store.tables import Action, CouponCode, Enrolment, Suppression, Users

NOON = Instant(1_790_078_400_000)
"""2026-09-22T12:00:00Z, a Tuesday."""

FACTS = """
[events.order_completed]
amount = "money"
category = "text"
[facts.first_name]
attribute = "first_name"
type = "text"
[facts.is_vip]
attribute = "is_vip"
type = "boolean"
"""

TEMPLATES = {
    "winback/offer.email.j2": (
        "{% block subject %}Hello {{ facts.first_name | default('you', true) }}{% endblock %}"
        "{% block html %}<p>{{ user.key }} {% if event %}{{ event.category }}{% endif %}"
        "{% if coupon %}{{ coupon.code }}{% endif %} <a href='{{ unsubscribe_url }}'>stop</a></p>{% endblock %}"
    ),
    "winback/offer.sms.j2": "{% block body %}Hello {{ user.key }}{% endblock %}",
    "winback/strict.email.j2": (
        "{% block subject %}Hello{% endblock %}{% block html %}<p>{{ facts.first_name }}</p>{% endblock %}"
    ),
}

ACCEPT = Answer(Outcome.ACCEPTED, "", "2.0.0 queued", "ref-1")


@dataclass
class Provider:
    """A scripted adapter: ``script`` is asked for each message; without one it accepts everything."""

    channel: str = "email"
    name: str = "scripted"
    payload: type = object
    concurrency: int = 4
    script: Callable[[Message], Answer] | None = None
    sent: list[Message] = field(default_factory=list)
    opened: int = 0
    hang: Callable[[Message], bool] | None = None
    """Messages for which ``send`` never returns, as a provider that is gone does."""

    async def __aenter__(self) -> Self:
        self.opened += 1
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.opened -= 1

    async def send(self, message: Message) -> Answer:
        await asyncio.sleep(0)
        self.sent.append(message)
        if self.hang and self.hang(message):
            await asyncio.Event().wait()
        return self.script(message) if self.script else ACCEPT

    @property
    def recipients(self) -> list[str]:
        return [message.recipient for message in self.sent]


@dataclass
class World:
    """One brand. Make users and actions, then ``drain``."""

    database: Database
    clock: FixedClock
    catalog: FactCatalog

    @classmethod
    def create(cls, url: str) -> "World":
        database = Database(url)
        migrate(database)
        catalog, findings = load_catalog(Bundle({"rules/facts.toml": FACTS}), 100)
        assert not findings
        with database.write() as connection:
            follow(connection, database.dialect, catalog.columns())
        return cls(database, FixedClock(NOON), catalog)

    @classmethod
    def reopened(cls, other: "World") -> "World":
        """Return the same brand over a connection pool of its own, as another process has it."""
        return cls(Database(other.database.url), FixedClock(other.clock.now()), other.catalog)

    def users(self, count: int, **columns: object) -> None:
        """Make users 1 to ``count``; those of one call have the same ``columns``."""
        rows = [
            {
                "id": n,
                "key": f"u{n}",
                "email": f"u{n}@example.com",
                "timezone": "UTC",
                "first_seen_at": 0,
                "updated_at": 0,
            }
            | columns
            for n in range(1, count + 1)
        ]
        self.add(Users, rows)
        with self.database.write() as connection:
            connection.execute(text("INSERT INTO user_state (user_id, due_at) SELECT id, 0 FROM users"))

    def actions(self, count: int, **columns: object) -> None:
        """Make one due action for each of the users 1 to ``count``, with ids and enrolments of the same number."""
        self.add(Action, [action_row(number, **columns) for number in range(1, count + 1)])

    def enrol(self, number: int, **columns: object) -> None:
        row = {
            "id": number,
            "playbook": "winback",
            "version": "v",
            "user_id": number,
            "occurrence": f"event:{number}",
            "state": "active",
            "step": 1,
            "due_at": NOON,
            "trigger_at": NOON - HOUR,
            "entered_at": NOON - HOUR,
        }
        self.add(Enrolment, [row | columns])

    def add(self, model: type, rows: Sequence[Mapping[str, object]]) -> None:
        with self.database.write() as connection:
            connection.execute(insert(table(model)), list(rows))

    def execute(self, sql: str, **parameters: object) -> None:
        with self.database.write() as connection:
            connection.execute(text(sql), parameters)

    def rows(self, sql: str, **parameters: object) -> list[tuple[Any, ...]]:
        with self.database.read() as connection:
            return [tuple(row) for row in connection.execute(text(sql), parameters)]

    def log(self, wanted: LogFilter | None = None) -> list[LogEntry]:
        """The actions as the log shows them."""
        with self.database.read() as connection:
            return read_actions(connection, wanted or LogFilter(), 1_000)

    def changes(self, wanted: LogFilter | None = None) -> list[LogEntry]:
        """The changes of actions as the log shows them."""
        with self.database.read() as connection:
            return read_changes(connection, wanted or LogFilter(), 1_000)

    def at(self, instant: int) -> None:
        """Move the clock."""
        self.clock.move_to(Instant(instant))

    def states(self) -> dict[str, int]:
        return {
            f"{state}:{reason}": number
            for state, reason, number in self.rows("SELECT state, reason, count(*) FROM action GROUP BY state, reason")
        }

    def history(self, action_id: int) -> list[str]:
        found = self.rows("SELECT state FROM action_event WHERE action_id = :id ORDER BY id", id=action_id)
        return [state for (state,) in found]

    def delivery(self, *providers: Provider, **settings: Any) -> Delivery:
        in_flight = settings.pop("in_flight", 100)
        consent, gates = settings.pop("consent", ConsentSettings()), settings.pop("gates", GATES)
        templates = settings.pop("templates", TEMPLATES)
        full = Settings(
            brand=Brand(name="Maison", sender="hello@example.com"),
            consent=consent,
            channels={
                provider.channel: ChannelSettings(
                    in_flight=in_flight[provider.channel] if isinstance(in_flight, dict) else in_flight
                )
                for provider in providers
            },
            delivery=DeliverySettings(**{"unsubscribe_secret": "a-secret-of-the-tests", **settings}),
        )
        adapters: dict[str, Adapter] = {provider.channel: provider for provider in providers}
        library = TemplateLibrary(templates, blocks_of(CHANNELS))
        return Delivery(
            self.database, library, self.catalog, adapters, full, self.clock, {"WIN": "20 %"}, CHANNELS, gates
        )

    def drain(self, *providers: Provider, **settings: Any) -> Drained:
        return asyncio.run(self.delivery(*providers, **settings).drain())


def action_row(number: int, **columns: object) -> dict[str, object]:
    return {
        "id": number,
        "enrolment_id": number,
        "step": "offer",
        "attempt": 1,
        "user_id": number,
        "playbook": "winback",
        "version": "v",
        "kind": "message",
        "class": "marketing",
        "priority": 40,
        "channel": "email",
        "next_channels": "",
        "template": "winback/offer",
        "state": "queued",
        "reason": "due",
        "due_at": NOON,
        "expires_at": NOON + 7 * DAY,
        "created_at": NOON,
        "changed_at": NOON,
    } | columns


def table(model: type) -> Table:
    found = model.__table__  # type: ignore[attr-defined]
    assert isinstance(found, Table)
    return found


__all__ = ["Action", "CouponCode", "Provider", "Suppression", "World"]
