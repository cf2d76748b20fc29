"""The test environment: Maison's files on disk, a store, a clock, and the program's public calls.

Users and events come in through intake, as in production; ticks, delivery, explanations and commands are the app's.
Nothing here repeats what the engine does.
"""

import atexit
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from email.policy import SMTP
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from typer.testing import CliRunner, Result

from engine.app import App
from engine.channels.base import channel_addresses
from engine.cli.program import program
from engine.clock import DAY, FixedClock, Instant, instant, iso
from engine.composing.jobs import Limits
from engine.composing.processes import Processes
from engine.content.bundle import Bundle
from engine.content.findings import Finding
from engine.delivery.tally import DeliveryCounts
from engine.explain.explaining import Explainer
from engine.explain.models import Explanation
from engine.incentives.pools import PoolFile, fill_pool
from engine.intake.rows.model import DeviceRow, Json, UserRow
from engine.intake.write.devices import write_devices
from engine.intake.write.events import write_events
from engine.intake.write.users import write_users
from engine.kinds import SHIPPED, Kinds
from engine.loading import Content, load_content
from engine.pipeline import Progress
from engine.rules.decide.decider import Deciders
from engine.settings import Settings, load_settings
from tests.maison import FILES
from tests.program import Ended, habitue
from tests.stores import ScriptedStore

START = instant(datetime(2026, 1, 1, tzinfo=UTC))
CONTENT = ("rules", "playbooks", "templates")
COMPOSERS = Processes(1, Limits(seconds=20, octets=1 << 30))
"""Shared by all worlds of this process, because a process takes a while to start."""
atexit.register(COMPOSERS.close)
DECIDERS = Deciders()
"""One for the life of the process, as in the program: the rule engine never frees what it has loaded."""


@dataclass(frozen=True)
class Source:
    """What content is compiled from; equal ones compile alike."""

    key: tuple[object, ...]
    bundle: Bundle = field(compare=False)
    settings: Settings = field(compare=False)
    kinds: Kinds = field(compare=False)

    @classmethod
    def of(cls, app: App) -> "Source":
        bundle, settings = app.bundle(), app.settings
        read = settings.model_dump_json(include={"brand", "channels", "email"})
        return cls((bundle.version, read, id(app.kinds)), bundle, settings, app.kinds)


@lru_cache(maxsize=100)
def compiled(source: Source) -> Content:
    """Compile files once, however many worlds have them: nothing can change what comes of it."""
    return load_content(source.bundle, source.settings, DECIDERS, source.kinds)


def day(number: float) -> Instant:
    """Return the instant that many days after the start."""
    return Instant(START + round(number * DAY))


def number(moment: str) -> float:
    """Return the day number of an ISO instant, in UTC by default: the inverse of ``day``."""
    read = datetime.fromisoformat(moment)
    return (instant(read if read.tzinfo else read.replace(tzinfo=UTC)) - START) / DAY


@dataclass
class World:
    """One brand in its own folder, with one database.

    ``files`` replace or extend Maison's; a file whose text is None is left out. ``settings`` are sections of config.toml.
    """

    folder: Path
    url: str
    files: Mapping[str, str | None] = field(default_factory=dict)
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    kinds: Kinds = SHIPPED
    clock: FixedClock = field(default_factory=lambda: FixedClock(START))

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for path, content in {**FILES, **self.files}.items():
            if content is not None:
                self.write(path, content)
        self.configure()

    # --- files -------------------------------------------------------------------------------------------------

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    def write(self, path: str, content: str) -> None:
        """Write a file atomically, as an editor does."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_suffix(".draft")
        draft.write_text(content, encoding="utf-8")
        draft.replace(target)

    def remove(self, path: str) -> None:
        (self.folder / path).unlink()

    def configure(self, **sections: Mapping[str, Any]) -> None:
        """Merge these sections into config.toml; the next use reopens the app."""
        for name, section in sections.items():
            self.settings[name] = {**self.settings.get(name, {}), **section}
        own: dict[str, dict[str, Any]] = {
            "brand": {"name": "Maison"},
            "store": {"url": self.url},
            "content": {name: str(self.folder / name) for name in CONTENT},
            "adapters": {"capture": {"folder": str(self.mailbox)}},
            "delivery": {"in_flight_folder": str(self.in_flight_folder)},
        }
        merged = {name: {**own.get(name, {}), **self.settings.get(name, {})} for name in {**own, **self.settings}}
        self.write("config.toml", "\n".join(line for name, part in merged.items() for line in _section(name, part)))
        self.close()

    # --- the program -------------------------------------------------------------------------------------------

    @cached_property
    def app(self) -> App:
        made = App(load_settings(self.config), self.clock, self.kinds)
        made.deciders, made.composers = DECIDERS, COMPOSERS
        return made

    def close(self) -> None:
        """Close the app; the next use reopens it, as another process would."""
        if "app" in self.__dict__:
            self.app.close()
            del self.__dict__["app"]

    def scripted(self) -> ScriptedStore:
        """Reopen the app with a store that fails where its scripts say, until the app is closed."""
        self.close()
        store = ScriptedStore(self.url)
        self.app.database = store
        return store

    def content(self) -> Content:
        """Return the current files, compiled."""
        return compiled(Source.of(self.app))

    def findings(self) -> list[Finding]:
        return self.app.examine()[1]

    def open(self, at: float = 0) -> "World":
        """Migrate, and run the first tick."""
        self.app.migrate(self.content())
        self.tick(at)
        return self

    def tick(self, at: float, *, deliver: bool = False) -> Progress:
        """Move the clock to day ``at`` and run its tick."""
        self.clock.move_to(day(at))
        done = self.app.tick(self.content(), day(at))
        if deliver:
            self.deliver()
        return done

    def deliver(self) -> DeliveryCounts:
        return self.app.deliver(self.content())

    def live(self, until: float, since: float = 0, step: float = 1) -> None:
        """Tick and deliver every ``step`` days, from ``since`` to ``until``."""
        number = since
        while number <= until:
            self.tick(number, deliver=True)
            number += step

    def explain(self, key: str, at: float, *, show_addresses: bool = False) -> Explanation:
        explainer = Explainer(self.content(), self.app.deciders, self.app.settings.brand)
        with self.app.database.read() as connection:
            return explainer.explain(connection, key, day(at), show_addresses=show_addresses)

    def command(self, *words: str) -> Result:
        """Run a command of the program in this process."""
        return CliRunner().invoke(program, ["--config", str(self.config), *words], obj=self.kinds)

    def program(self, *words: str) -> Ended:
        """Run the console script in this process: with its sentences and its exit code."""
        return habitue(self.config, *words)

    # --- users and events --------------------------------------------------------------------------------------

    def user(self, key: str, at: float = 0, *, consents: Mapping[str, bool] | None = None, **columns: Any) -> int:
        """Create or change a user; keywords that are not columns are attributes. Return the id."""
        known = {name: columns.pop(name) for name in tuple(columns) if name in UserRow._fields}
        attributes: dict[str, Json] = columns
        row = UserRow(
            **{"key": key, "email": f"{key}@example.com", "timezone": "UTC", "created_at": day(at), **known},
            attributes=attributes,
            consents=consents or {},
        )
        with self.app.database.write() as connection:
            write_users(connection, self.app.database.dialect, [row], day(at), channel_addresses(self.kinds.channels))
        [(user,)] = self.rows("SELECT id FROM users WHERE key = :key", key=key)
        return int(user)

    def device(self, key: str, token: str, platform: str = "android", at: float = 0, locale: str | None = None) -> None:
        """A user is seen with a device on day ``at``."""
        row = DeviceRow(key, token, platform, locale, day(at))
        with self.app.database.write() as connection:
            write_devices(
                connection, self.app.database.dialect, [row], self.clock.now(), channel_addresses(self.kinds.channels)
            )

    def event(self, key: str, name: str, at: float, amount: int | None = None, **properties: Json) -> None:
        """Add an event of the user ``key``; ``amount`` is in minor units."""
        given = json.dumps(properties) if properties else None
        event = (f"{key}-{name}-{at}", key, name, int(day(at)), amount, given)
        with self.app.database.write() as connection:
            write_events(
                connection, self.app.database.dialect, [event], day(at), channel_addresses(self.kinds.channels)
            )

    def order(self, key: str, at: float, amount: int = 1_000, **properties: Json) -> None:
        self.event(key, "order_completed", at, amount, **properties)

    def codes(self, *codes: str, coupon: str = "GIFT", expires: float | None = None) -> None:
        """Import codes into a pool from a file, as ops would; they expire on day ``expires``."""
        file, until = self.folder / "codes.csv", "" if expires is None else iso(day(expires))
        file.write_text("\n".join(["code,expires_at", *(f"{code},{until}" for code in codes)]), encoding="utf-8")
        done = fill_pool(
            self.app.database,
            self.content().playbooks.coupons,
            coupon,
            PoolFile(file, ZoneInfo(self.app.settings.brand.timezone)),
        )
        assert not done.rejected

    # --- states that no public call leads to: after a crash, a careless restore, another program's writes -----------

    def mark_actions(self, state: str, reason: str | None = None, where: str = "TRUE") -> None:
        """Put all actions, or those that meet ``where``, into a state that only a provider or a crash leads to."""
        put = "UPDATE action SET state = :state, reason = coalesce(:reason, reason)"
        self._alter(f"{put} WHERE {where}", state=state, reason=reason)

    def moved(self, key: str, before: str | None, after: str | None, at: float, cause: str | None) -> None:
        """Write a transition in ``lifecycle``, with a cause that its rules cannot be made to produce."""
        user = "SELECT id FROM users WHERE key = :key"
        self._alter(
            "INSERT INTO transition (user_id, dimension, from_place, to_place, at, cause, rule, rules_version, signature)"
            f" VALUES (({user}), 'lifecycle', :before, :after, :at, :cause, 'r', 'v', 0)",
            key=key, before=before, after=after, at=day(at), cause=cause,
        )  # fmt: skip
        self._alter(
            f"INSERT INTO user_state (user_id, place_lifecycle) VALUES (({user}), :after)"
            " ON CONFLICT (user_id) DO UPDATE SET place_lifecycle = excluded.place_lifecycle",
            key=key, after=after,
        )  # fmt: skip

    def lose_versions(self, left: str | None = None) -> None:
        """Delete all stored versions of the files, as a partial restore would, or replace the text of each by ``left``."""
        if left is None:
            return self._alter("DELETE FROM version")
        return self._alter("UPDATE version SET files = :left WHERE kind IN ('rules', 'playbook')", left=left)

    def lose_state(self, key: str) -> None:
        """Delete a user's state, as a partial restore would."""
        for table in ("user_state", "user_due", "user_news"):
            self._alter(f"DELETE FROM {table} WHERE user_id = (SELECT id FROM users WHERE key = :key)", key=key)

    def lose_in_flight(self) -> None:
        """Delete what workers noted about messages in flight, as when another machine takes over."""
        for file in self.in_flight_folder.glob("*"):
            file.unlink()

    def _alter(self, sql: str, **binds: object) -> None:
        with self.app.database.write() as connection:
            connection.execute(text(sql), binds)

    # --- results -----------------------------------------------------------------------------------------------

    def rows(self, sql: str, **binds: object) -> list[tuple[Any, ...]]:
        with self.app.database.read() as connection:
            return [tuple(row) for row in connection.execute(text(sql), binds)]

    def enrolments(self, columns: str = "user_id, occurrence, state, reason") -> list[tuple[Any, ...]]:
        """Return all enrolments, by id."""
        return self.rows(f"SELECT {columns} FROM enrolment ORDER BY id")

    def actions(self, columns: str = "user_id, step, state, reason") -> list[tuple[Any, ...]]:
        """Return all actions, by id."""
        return self.rows(f"SELECT {columns} FROM action ORDER BY id")

    def execute(self, sql: str, **binds: object) -> None:
        """Run SQL for what no public call does: another program's rows, or time that has passed."""
        with self.app.database.write() as connection:
            connection.execute(text(sql), binds)

    def states(self) -> dict[str, int]:
        """Return ``state:reason`` -> number of actions."""
        found = self.rows("SELECT state, reason, count(*) FROM action GROUP BY state, reason")
        return {f"{state}:{reason}": number for state, reason, number in found}

    @property
    def in_flight_folder(self) -> Path:
        return self.folder / "in-flight"

    @property
    def mailbox(self) -> Path:
        return self.folder / "mail"

    def mail(self) -> list[Message]:
        """Return the captured emails, sorted by recipient and subject."""
        read = [message_from_bytes(file.read_bytes(), policy=SMTP) for file in self.mailbox.rglob("*.eml")]
        return sorted(read, key=lambda one: (str(one["To"]), str(one["Subject"])))


def _section(name: str, section: Mapping[str, Any]) -> Iterator[str]:
    nested = {key: value for key, value in section.items() if isinstance(value, Mapping)}
    if len(nested) < len(section) or not section:
        yield f"[{name}]"
    for key, value in section.items():
        if key not in nested:
            yield f"{key if key.replace('_', '').replace('-', '').isalnum() else json.dumps(key)} = {json.dumps(value)}"
    for key, value in nested.items():
        yield from _section(f"{name}.{json.dumps(key)}", value)
