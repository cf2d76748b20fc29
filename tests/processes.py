"""The program as people run it: commands and workers in processes of their own, in a World's folder.

Their clock is the machine's, so tests that wait for one of them have to poll: only ``wait_until`` does that.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from engine.app import App
from engine.channels import CHANNELS
from engine.channels.base import channel_addresses
from engine.clock import MINUTE, SECOND, Instant, WallClock
from engine.incentives.pools import PoolFile, fill_pool
from engine.intake.rows.model import DeviceRow, EventTuple, UserRow
from engine.intake.write.devices import write_devices
from engine.intake.write.events import write_events
from engine.intake.write.users import write_users
from tests import maison
from tests.world import World

ROOT = Path(__file__).parent.parent
CODES = 8_000
"""As many as the test with the most users gives away."""
DEADLINE = 240.0
"""Seconds that a process has for anything, on a busy machine."""

VIP = """
[playbook]
name = "vip"
class = "service"
reentry = "once"
expires = "7d"

[trigger]
enter = { value = "high" }

[[step]]
id = "thanks"
send = ["email"]
template = "welcome/gift"
coupon = "SERIES"
"""
FACTS = f'{maison.FACTS}\n[facts.spend_score]\nquantile = "spend"\nbuckets = 2\n'
QUICK: Mapping[str, str | None] = {
    "rules/facts.toml": FACTS,
    "rules/lifecycle.toml": None,
    "rules/needs.toml": None,
    "playbooks/welcome.toml": maison.WELCOME.replace("2d", "1s").replace("SERIES", "GIFT"),
    "playbooks/vip.toml": VIP,
    "playbooks/thanks.toml": None,
    "playbooks/winback.toml": None,
    "playbooks/birthday.toml": None,
}
"""Laid over Maison's files: one dimension and two playbooks, over within seconds, so that a test can count it all."""


def quick(folder: Path, url: str, files: Mapping[str, str | None] = QUICK) -> World:
    """Return a world whose workers tick every second and log what a test can read."""
    return World(folder, url, files, {"schedule": {"tick": "1s"}, "log": {"format": "json"}})


def migrate(world: World, at: Instant | None = None) -> None:
    """What ``habitue migrate`` does; the files are applied, as the first tick does it, and ops fill the pool."""
    at = at if at is not None else Instant(WallClock().now() - MINUTE)  # before whoever comes ``just_now``
    codes = world.folder / "codes.csv"
    codes.write_text("\n".join(["code", *(f"GIFT{one:06d}" for one in range(CODES))]) + "\n", encoding="utf-8")
    with opened(world, at) as app:
        content = app.content()
        app.migrate(content)
        app.apply(content, app.clock.now())
        fill_pool(app.database, content.playbooks.coupons, "GIFT", PoolFile(codes, ZoneInfo("UTC")))


def people(world: World, number: int, at: Instant, *, first: int = 1, devices: int = 0) -> None:
    """Add users ``u<n>``, who sign up; every fourth orders three times, for 600, and so has a high value."""
    numbers = range(first, first + number)
    users = [
        UserRow(
            key=f"u{one}", email=f"u{one}@example.com", phone=f"+1202555{one:04d}", push_token=None, locale="en",
            timezone="UTC", country=None, created_at=at, attributes={"first_name": f"Name{one}"},
        )
        for one in numbers
    ]  # fmt: skip
    events: list[EventTuple] = [(f"s{one}", f"u{one}", "signed_up", int(at), None, None) for one in numbers]
    events += [
        (f"o{one}.{order}", f"u{one}", "order_completed", int(at), 20_000, None)
        for one in numbers
        if one % 4 == 0
        for order in range(3)
    ]
    seen = [
        DeviceRow(f"u{one}", f"u{one}d{place}", ("android", "ios")[place % 2], None, at)
        for one in numbers
        for place in range(devices)
    ]
    database, addresses = world.app.database, channel_addresses(CHANNELS)
    with database.write() as connection:
        write_users(connection, database.dialect, users, at, addresses)
        write_devices(connection, database.dialect, seen, at, addresses)
        write_events(connection, database.dialect, events, at)


def just_now() -> Instant:
    """A moment ago by the machine's clock, so that no tick at work lives at an earlier instant than what is new."""
    return Instant(WallClock().now() - 10 * SECOND)


@contextmanager
def opened(world: World, at: Instant | None = None) -> Iterator[App]:
    """The app as a command opens it: by the machine's clock, or at an instant, with connections of its own."""
    app = App.open(world.config, at)
    try:
        yield app
    finally:
        app.close()


def words_of(world: World, *words: str, program: str = "engine") -> list[str]:
    return [sys.executable, "-m", program, "--config", str(world.config), *words]


def surroundings() -> dict[str, str]:
    """The environment of the processes: this one's, without settings of the program."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HABITUE_")}
    return {**kept, "PYTHONPATH": str(ROOT), "COLUMNS": "300"}


def habitue(world: World, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        words_of(world, *words),
        cwd=world.folder,
        env=surroundings(),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


@contextmanager
def running(world: World, *words: str, program: str = "engine") -> Iterator["Worker"]:
    """``habitue run``, or that of a ``program`` with more kinds; killed at the end if it is still running."""
    log = world.folder / f"worker{len(list(world.folder.glob('worker*.log')))}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            words_of(world, "run", *words, program=program),
            cwd=world.folder,
            env=surroundings(),
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
    """Poll until it holds; fail after the deadline, or if nothing is alive that could make it hold."""
    end = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < end, f"not in time: {what()}"
        assert alive() or holds(), f"ended before: {what()}"
        time.sleep(0.02)
