"""Pausing a running campaign from another process: what leaves after ``habitue pause`` has returned.

``python -m bench.pause --size N --database sqlite|postgresql`` prints one JSON line. One process delivers a queue of
personalised emails of one playbook, with all gates, to an adapter that counts; when a tenth has left, another process runs
``habitue pause playbook winback``, as a person would on another machine. ``ratio`` is how many seconds after its return the
last message left, 0 if none did. Then it is resumed: every message has to leave once.
"""

import asyncio
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import text

from adapters.base import Answer, Message, Outcome
from bench.common import choice_from_command_line, report, scratch
from bench.drain import SENDER, processes
from bench.queued import NOW, Queue, catalog, seed
from bench.stores import stores
from engine.channels import CHANNELS
from engine.channels.base import blocks_of
from engine.channels.outlets import Outlet
from engine.clock import FixedClock
from engine.composing.processes import Composers
from engine.delivery.dispatch import Delivery
from engine.messages.templates import TemplateLibrary
from engine.settings import Brand, Settings
from engine.store.database import Database

BAR = 1.0
"""Seconds after the command's return in which a message may still leave."""
WATCHED = 5.0
"""Seconds for which the campaign is watched after the command's return."""
ANSWER_AFTER = 0.02
"""Seconds that the provider takes, so that at full size the campaign lasts for 40 seconds at least."""
_PLAYBOOK = text(
    "INSERT INTO version (kind, name, hash, files, applied_at, first_applied_at)"
    " VALUES ('playbook', 'winback', 'v', '{}', :now, :now)"
)


@dataclass
class Counting:
    """An adapter that counts what it is given, and notes when."""

    channel: str = "email"
    name: str = "counting"
    payload: type = object
    concurrency: int = 10
    sent: Counter[str] = field(default_factory=Counter)
    last: float = 0.0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is open."""

    async def send(self, message: Message) -> Answer:
        self.sent[message.recipient] += 1
        self.last = time.monotonic()
        await asyncio.sleep(ANSWER_AFTER)
        return Answer(Outcome.ACCEPTED)


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of one campaign. Times are in seconds."""

    late: float
    """How long after the command's return the last message left; 0 if none did."""
    late_messages: int
    command: float
    """How long the command took, from its process's start."""
    sent_before: int
    given_back: int
    """Messages that had been claimed, and went back."""
    twice_or_never: int
    """Messages that had not left exactly once in the end."""


async def campaign(database: Database, config: Path, size: int, composers: Composers) -> Measured:
    """Deliver, pause after a tenth, resume, and deliver the rest."""
    adapter = Counting()
    library = TemplateLibrary(Queue(1).files, blocks_of(CHANNELS))
    settings = Settings(brand=Brand(name="Maison Habitué", sender=SENDER))
    worker = Delivery(database, library, catalog(), {"email": [Outlet(adapter)]}, settings, FixedClock(NOW), composers)
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    while len(adapter.sent) < size // 10:
        await asyncio.sleep(0.01)
    began = time.monotonic()
    await asyncio.to_thread(_habitue, config, "pause", "playbook", "winback", "--reason", "wrong coupon")
    returned, sent_before = time.monotonic(), adapter.sent.total()
    if sent_before == size:
        raise SystemExit("the campaign was over before it could be paused: choose a larger --size")
    await asyncio.sleep(WATCHED)
    late, late_messages = max(0.0, adapter.last - returned), adapter.sent.total() - sent_before
    await asyncio.to_thread(_habitue, config, "resume", "playbook", "winback")
    deadline = time.monotonic() + 600
    while len(adapter.sent) < size and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
    stop.set()
    await running
    with database.read() as connection:
        given_back = connection.execute(text("SELECT count(*) FROM action_event WHERE reason = 'paused'")).scalar_one()
    wrong = size - sum(times == 1 for times in adapter.sent.values())
    return Measured(late, late_messages, returned - began, sent_before, given_back, wrong)


def _habitue(config: Path, *words: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "engine", "--config", str(config), *words], check=True, stdout=subprocess.DEVNULL
    )


def main() -> int:
    """Measure and print."""
    choice = choice_from_command_line(20_000, "messages")
    with scratch() as folder, stores(choice.database) as kept:
        url = kept.fresh("campaign")
        config = folder / "config.toml"
        config.write_text(f'[store]\nurl = "{url}"\n', encoding="utf-8")
        with closing(Database(url)) as database:
            seed(database, Queue(choice.size))
            with database.write() as connection:
                connection.execute(_PLAYBOOK, {"now": NOW})
            with closing(processes()) as composers:
                found = asyncio.run(campaign(database, config, choice.size, composers))
    fine = report(
        "pause",
        ratio=found.late,
        bar=BAR,
        at_most=True,
        unit="s",
        database=choice.database,
        size=choice.size,
        late_messages=found.late_messages,
        command_seconds=round(found.command, 2),
        sent_before=found.sent_before,
        given_back=found.given_back,
        differing_rows=found.twice_or_never,
    )
    return 0 if fine and not found.twice_or_never else 1


if __name__ == "__main__":
    sys.exit(main())
