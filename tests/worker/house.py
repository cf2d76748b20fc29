"""A small brand on disk with its own config.toml and store, and the program run on it as people run it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import text

from engine.app import App
from engine.clock import Instant
from engine.intake.rows.model import EventTuple, UserRow
from engine.intake.write.events import write_events
from engine.intake.write.users import write_users
from engine.store.database import Database

ROOT = Path(__file__).parent.parent.parent
DEADLINE = 60.0
"""Seconds that a process has for anything, on a machine that has other things to do as well."""

FACTS = """
[events.signed_up]
[events.order_completed]
amount = "money"
[facts.first_name]
attribute = "first_name"
type = "text"
[facts.orders]
count = "order_completed"
[facts.spend]
sum = "order_completed.amount"
[facts.spend_score]
quantile = "spend"
buckets = 2
"""
VALUE = """
[dimension]
name = "value"
kind = "tiers"
[[tier]]
name = "vip"
when = "spend >= 100"
[[tier]]
name = "regular"
"""
WELCOME = """
[playbook]
name = "welcome"
class = "marketing"
reentry = "once"
expires = "7d"
[trigger]
event = "signed_up"
[[step]]
id = "hello"
send = ["email"]
template = "shop/hello"
[[step]]
wait = "1s"
[[step]]
id = "gift"
send = ["email"]
template = "shop/gift"
coupon = "GIFT"
"""
VIP = """
[playbook]
name = "vip"
class = "service"
reentry = "once"
expires = "7d"
[trigger]
enter = { value = "vip" }
[[step]]
id = "thanks"
send = ["email"]
template = "shop/gift"
coupon = "SERIES"
"""
COUPONS = """
[coupons.GIFT]
kind = "pool"
worth = "5"
[coupons.SERIES]
kind = "series"
worth = "10%"
"""
FILES: Mapping[str, str] = {
    "rules/facts.toml": FACTS,
    "rules/value.toml": VALUE,
    "playbooks/welcome.toml": WELCOME,
    "playbooks/vip.toml": VIP,
    "playbooks/coupons.toml": COUPONS,
    "templates/shop/hello.email.j2": "{% block subject %}Hello{% endblock %}{% block html %}<p>Hello "
    '{{ facts.first_name | default("you") }}</p><p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>{% endblock %}',
    "templates/shop/gift.email.j2": "{% block subject %}{{ coupon.worth }} for you{% endblock %}{% block html %}"
    '<p>{{ coupon.code }}</p><p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>{% endblock %}',
}
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "brand": {"name": "Shop", "currency": "EUR"},
    "schedule": {"tick": "1s"},
    "log": {"format": "json"},
}


@dataclass
class House:
    """A folder with a brand. ``settings`` are written to config.toml over those of every house."""

    folder: Path
    url: str
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True, parents=True)
        for path, content in FILES.items():
            self.write(path, content)
        self.configure()

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    def write(self, path: str, content: str) -> None:
        """Write a file as an editor does: it is there whole, or as it was."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_suffix(".draft")
        draft.write_text(content, encoding="utf-8")
        draft.replace(target)

    def configure(self, **sections: dict[str, Any]) -> None:
        """Write config.toml, with these sections' keys over those that are there."""
        for name, section in sections.items():
            self.settings[name] = {**self.settings.get(name, {}), **section}
        own: dict[str, dict[str, Any]] = {
            "store": {"url": self.url},
            "content": {name: str(self.folder / name) for name in ("rules", "playbooks", "templates")},
            "adapters": {"capture": {"folder": str(self.folder / "mail")}},
        }
        lines: list[str] = []
        for name in [*SETTINGS, *own, *(self.settings.keys() - SETTINGS.keys() - own.keys())]:
            merged = {**SETTINGS.get(name, {}), **own.get(name, {}), **self.settings.get(name, {})}
            lines += _section(name, merged)
        self.write("config.toml", "\n".join(lines))

    # --- the store -----------------------------------------------------------------------------------------------

    @contextmanager
    def app(self, at: Instant | None = None) -> Iterator[App]:
        """The app as a command opens it."""
        app = App.open(self.config, at)
        try:
            yield app
        finally:
            app.close()

    def migrate(self, at: Instant | None = None) -> None:
        """What ``habitue migrate`` does; then the files are applied, as the first tick does it."""
        with self.app() as app:
            content = app.content()
            app.migrate(content)
            app.apply(content, at if at is not None else app.clock.now())

    def people(self, number: int, at: Instant, *, first: int = 1) -> None:
        """Users ``u<n>`` who have just signed up; each fourth has ordered for 150."""
        numbers = range(first, first + number)
        users = [
            UserRow(
                key=f"u{one}", email=f"u{one}@example.com", phone=f"+1202555{one:04d}", push_token=None, locale="en",
                timezone="UTC", country=None, created_at=at, attributes={"first_name": f"Name{one}"},
            )
            for one in numbers
        ]  # fmt: skip
        events: list[EventTuple] = [(f"s{one}", f"u{one}", "signed_up", int(at), None, None) for one in numbers]
        events += [(f"o{one}", f"u{one}", "order_completed", int(at), 15_000, None) for one in numbers if one % 4 == 0]
        database = Database(self.url)
        with database.write() as connection:
            write_users(connection, database.dialect, users, at)
            write_events(connection, database.dialect, events, at)
            codes = [{"code": f"GIFT{one:06d}"} for one in numbers]
            connection.execute(text("INSERT INTO coupon_code (coupon, code) VALUES ('GIFT', :code)"), codes)
        database.close()

    def rows(self, sql: str, **binds: object) -> list[tuple[Any, ...]]:
        database = Database(self.url)
        try:
            with database.read() as connection:
                return [tuple(row) for row in connection.execute(text(sql), binds)]
        finally:
            database.close()

    def execute(self, sql: str, **binds: object) -> None:
        database = Database(self.url)
        try:
            with database.write() as connection:
                connection.execute(text(sql), binds)
        finally:
            database.close()

    # --- the program ---------------------------------------------------------------------------------------------

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "engine", "--config", str(self.config), *words]

    def surroundings(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HABITUE_")}
        return {**kept, "PYTHONPATH": str(ROOT), "COLUMNS": "300", **self.environment}

    def habitue(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self.command(*words),
            cwd=self.folder,
            env=self.surroundings(),
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )

    @contextmanager
    def worker(self, *words: str) -> Iterator["Worker"]:
        """``habitue run``; killed at the end where it still lives."""
        log = self.folder / f"worker{len(list(self.folder.glob('worker*.log')))}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                self.command("run", *words),
                cwd=self.folder,
                env=self.surroundings(),
                stdout=output,
                stderr=output,
            )
        try:
            yield Worker(process, log)
        finally:
            process.kill()
            process.wait(DEADLINE)


@dataclass(frozen=True)
class Worker:
    """A running ``habitue run``."""

    process: "subprocess.Popen[bytes]"
    log: Path

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def entries(self, event: str) -> list[dict[str, Any]]:
        """What it logged of one kind."""
        lines = [line for line in self.said().splitlines() if line.startswith("{") and line.endswith("}")]
        return [entry for entry in map(json.loads, lines) if entry["event"] == event]

    def until(self, holds: Callable[[], object], what: str) -> None:
        """Wait until ``holds``, while the process lives."""
        wait_until(holds, lambda: f"{what}; the log:\n{self.said()}", alive=lambda: self.process.poll() is None)

    def stop(self) -> int:
        """Send SIGTERM; return the exit code."""
        self.process.terminate()
        return self.process.wait(DEADLINE)


def wait_until(
    holds: Callable[[], object], what: Callable[[], str], *, alive: Callable[[], bool] = lambda: True
) -> None:
    """Ask until it holds; fail after the deadline, or where nobody is alive to bring it about."""
    end = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < end, f"not in time: {what()}"
        assert alive() or holds(), f"ended before: {what()}"
        time.sleep(0.02)


def _section(name: str, section: Mapping[str, Any]) -> Iterator[str]:
    nested = {key: value for key, value in section.items() if isinstance(value, Mapping)}
    yield f"[{name}]"
    for key, value in section.items():
        if key not in nested:
            yield f"{key} = {json.dumps(value)}"
    for key, value in nested.items():
        yield from _section(f"{name}.{key}", value)
