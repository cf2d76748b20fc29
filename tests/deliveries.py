"""A world with a queue: many similar actions, created by the ledger, for scripted providers to receive.

Numbers match: action n belongs to enrolment n and goes to user n, whose key is ``u<n>``.
"""

import asyncio
import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import insert, text

from adapters.base import Message
from adapters.jpush.adapter import JPushAdapter
from adapters.smtp.adapter import SmtpAdapter
from engine.actions.history import LogEntry, LogFilter, read_actions, read_changes
from engine.actions.ledger import ActionDraft, InitialState, create
from engine.channels import CHANNELS
from engine.channels.base import Channel, channel_addresses
from engine.channels.outlets import Outlet
from engine.clock import DAY, HOUR, FixedClock, Instant
from engine.composing.processes import Composers
from engine.delivery.dispatch import Delivery
from engine.delivery.gates import GATES
from engine.delivery.gates.base import Gate
from engine.delivery.tally import DeliveryCounts
from engine.facts.catalog import FactCatalog
from engine.intake.rows.model import DeviceRow, UserRow
from engine.intake.write.devices import write_devices
from engine.intake.write.resolve import make_users
from engine.intake.write.users import write_users
from engine.loading import Content
from engine.messages.templates import TemplateLibrary
from engine.settings import ChannelSettings, ConsentSettings, DeliverySettings, DeviceSettings
from engine.store.database import Database
from engine.store.tables import Enrolment
from tests.maison import PLAYBOOKS
from tests.provider import Provider
from tests.world import World

NOON = Instant(1_790_078_400_000)
"""2026-09-22T12:00:00Z, a Tuesday."""
TEMPLATES: Mapping[str, str] = {
    "templates/winback/offer.email.j2": (
        "{% block subject %}Hello {{ facts.first_name | default('you', true) }}{% endblock %}"
        "{% block html %}<p>{{ user.key }} {% if event %}{{ event.category }}{% endif %}"
        "{% if coupon %}{{ coupon.code }}{% endif %} <a href='{{ unsubscribe_url }}'>stop</a></p>{% endblock %}"
    ),
    "templates/winback/offer.sms.j2": "{% block body %}Hello {{ user.key }}{% endblock %}",
    "templates/winback/offer.push.j2": (
        "{% block title %}Hello{% endblock %}{% block body %}{{ user.key }} {{ user.locale | default('-', true) }}{% endblock %}"
    ),
    "templates/winback/strict.email.j2": (
        "{% block subject %}Hello{% endblock %}{% block html %}<p>{{ facts.first_name }}</p>{% endblock %}"
    ),
}
"""``offer`` renders with any values; ``strict`` needs a first name, which nobody has at first."""
FILES: Mapping[str, str | None] = {
    **{path: None for path in PLAYBOOKS if path != "playbooks/coupons.toml"},
    **{f"rules/{name}.toml": None for name in ("value", "lifecycle", "needs")},
    **TEMPLATES,
}
"""Maison's facts and coupons, without its playbooks."""
DRAFT = ActionDraft(
    playbook="winback",
    version="v",
    step_id="offer",
    message_class="marketing",
    priority=40,
    expires_at=NOON + 7 * DAY,
    kind="message",
    channel="email",
    template="winback/offer",
)


def action_of(message: Message) -> int:
    """Return the number of the action, which is its user's too."""
    return int(message.recipient.removeprefix("u").partition("@")[0])


class Deliveries(World):
    """Create users and actions, then call ``drain``."""

    @classmethod
    def create(cls, folder: Path, url: str) -> "Deliveries":
        made = cls(folder, url, FILES, {"brand": {"sender": "hello@example.com"}}, clock=FixedClock(NOON))
        made.app.migrate(made.loaded)
        return made

    def reopened(self) -> "Deliveries":
        """Return the same world with its own connection pool, as in another process."""
        other = copy.copy(self)
        del other.__dict__["app"]
        other.clock = FixedClock(self.clock.now())
        return other

    @property
    def database(self) -> Database:
        return self.app.database

    @cached_property
    def loaded(self) -> Content:
        return self.content()

    @property
    def catalog(self) -> FactCatalog:
        return self.loaded.catalog

    # --- the queue ---------------------------------------------------------------------------------------------

    def users(self, count: int, **columns: Any) -> None:
        """Create users 1 to ``count``, all with the same ``columns``."""
        keys = [f"u{number}" for number in range(1, count + 1)]
        rows = [UserRow(**{"key": key, "email": f"{key}@example.com", "timezone": "UTC", **columns}) for key in keys]
        with self.database.write() as connection:
            for length in sorted({len(key) for key in keys}):  # users are created in the order of their keys
                alike = [key for key in keys if len(key) == length]
                make_users(connection, self.database.dialect, dict.fromkeys(alike, NOON), NOON)
            write_users(connection, self.database.dialect, rows, NOON, channel_addresses(self.kinds.channels))
            # They have been evaluated, or they would have no actions.
            connection.execute(
                text("INSERT INTO user_state (user_id) SELECT id FROM users WHERE true ON CONFLICT DO NOTHING")
            )

    def devices(self, *tokens: str, user: int = 1, platform: str = "android", days_ago: float = 0) -> None:
        """A user is seen with devices, one after the other, the last of them ``days_ago`` days ago."""
        for place, token in enumerate(reversed(tokens)):
            ago = days_ago + place / 24
            row = DeviceRow(f"u{user}", token, platform, None, Instant(NOON - round(ago * DAY)))
            with self.database.write() as connection:
                write_devices(connection, self.database.dialect, [row], NOON, channel_addresses(self.kinds.channels))

    def due_actions(
        self, count: int, *, first: int = 1, each: int = 1, at: int = NOON, state: str = "queued", **draft: Any
    ) -> None:
        """Create one action, due ``at``, for each of ``count`` users from ``first`` on; ``draft`` overrides ``DRAFT``.

        With ``each``, every user gets that many, far apart in the queue.
        """
        rounds = " UNION ALL ".join(f"SELECT {number} AS n" for number in range(each))
        last = first + count - 1
        enrolments = (
            f"(SELECT u.id + r.n * {count} AS id, u.id AS user_id, 0 AS due_at FROM users AS u"
            f" CROSS JOIN ({rounds}) AS r WHERE u.id BETWEEN {first} AND {last}) AS d"
        )
        beginning = InitialState(f"'{state}'", "'due'")
        with self.database.write() as connection:
            made = create(connection, replace(DRAFT, **draft), beginning, enrolments, now=Instant(at), binds={})
        assert made == count * each

    def enrol(self, number: int, **columns: object) -> None:
        """Create the action's enrolment; delivery sends an action without one too."""
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
        with self.database.write() as connection:
            connection.execute(insert(Enrolment), [row | columns])

    def at(self, instant: int) -> None:
        """Move the clock."""
        self.clock.move_to(Instant(instant))

    # --- delivery ----------------------------------------------------------------------------------------------

    def delivery(
        self,
        *providers: Provider | SmtpAdapter | JPushAdapter,
        in_flight: int | Mapping[str, int] = 100,
        consent: ConsentSettings | None = None,
        devices: DeviceSettings | None = None,
        gates: Sequence[Gate[Any]] = GATES,
        channels: Sequence[Channel] = CHANNELS,
        library: TemplateLibrary | None = None,
        composers: Composers | None = None,
        repeatable: Sequence[str] = (),
        **settings: Any,
    ) -> Delivery:
        """Return a delivery to these providers; ``settings`` are those of ``[delivery]``."""
        delivery = DeliverySettings(
            **{
                "unsubscribe_secret": "a-secret-of-the-tests",
                "in_flight_folder": self.in_flight_folder,
                **settings,
            }
        )
        most = {one.channel: in_flight if isinstance(in_flight, int) else in_flight[one.channel] for one in providers}
        full = self.app.settings.model_copy(
            update={
                "consent": consent or ConsentSettings(),
                "channels": {channel: ChannelSettings(in_flight=number) for channel, number in most.items()},
                "devices": devices or DeviceSettings(),
                "delivery": delivery.model_copy(update={"poll": 1}),  # a test would only wait for it
            }
        )
        adapters: dict[str, list[Outlet]] = {}
        for provider in providers:
            platforms = provider.platforms if isinstance(provider, Provider) else frozenset()
            adapters.setdefault(provider.channel, []).append(Outlet(provider, platforms))
        return Delivery(
            self.database,
            library or self.loaded.library,
            self.catalog,
            adapters,
            full,
            self.clock,
            composers or self.app.composers,
            self.loaded.playbooks.coupons,
            channels,
            gates,
            repeatable=repeatable,
        )

    def drain(self, *providers: Provider, **settings: Any) -> DeliveryCounts:
        return asyncio.run(self.delivery(*providers, **settings).drain())

    def abandon(self, provider: Provider, **settings: Any) -> None:
        """Run a delivery until its provider hangs with everything that it may have, then drop it as a crash does."""

        async def crash() -> None:
            task = asyncio.create_task(self.delivery(provider, **settings).drain())
            while sum(1 for one in provider.sent if provider.hang and provider.hang(one)) < provider.concurrency:
                assert not task.done()
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])

        asyncio.run(crash())

    # --- results -----------------------------------------------------------------------------------------------

    def log(self, wanted: LogFilter | None = None) -> list[LogEntry]:
        """Return the actions as the log shows them."""
        with self.database.read() as connection:
            return read_actions(connection, wanted or LogFilter(), 1_000)

    def changes(self, wanted: LogFilter | None = None) -> list[LogEntry]:
        """Return the changes of actions as the log shows them."""
        with self.database.read() as connection:
            return read_changes(connection, wanted or LogFilter(), 1_000)

    def history(self, action_id: int) -> list[str]:
        found = self.rows("SELECT state FROM action_event WHERE action_id = :id ORDER BY id", id=action_id)
        return [state for (state,) in found]
