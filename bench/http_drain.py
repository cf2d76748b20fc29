"""Draining a queue of text messages, or of pushes, compared with a bare httpx2 loop that sends prebuilt bodies.

``python -m bench.http_drain --channel sms|push --database DATABASE --size N`` prints one JSON line. Both sides send as many
requests of the same kind to the same local provider, which answers each after 20 ms, fifty at once, alternately. The drain
does everything: claim, gates, render, hand off, send, record, with the shipped adapter (Twilio, FCM) and its usual settings.
"""

import asyncio
import itertools
import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from adapters.kinds import make_adapter
from adapters.registry import ADAPTERS
from bench.common import DATABASES, Timing, command_line, interleaved_timings, report, scratch, seconds, timed
from bench.drain import cpu_seconds, processes, wait_for
from bench.queued import NOW, Queue, catalog, seed
from bench.stores import stores
from engine.channels import CHANNELS
from engine.channels.base import blocks_of
from engine.channels.outlets import Outlet
from engine.clock import FixedClock
from engine.delivery.dispatch import Delivery
from engine.delivery.tally import DeliveryCounts
from engine.messages.templates import TemplateLibrary
from engine.settings import Brand, Settings
from engine.store.database import Database

BAR = 0.6
ROUNDS = 3
AT_ONCE = 50
TEXTS = "{% block body %}{{ facts.first_name }}: your code waits in {{ facts.city }} until tonight.{% endblock %}"
PUSHES = (
    "{% block title %}{{ facts.first_name }}, for you{% endblock %}"
    "{% block body %}Something waits in {{ facts.city }} until tonight.{% endblock %}"
)


@dataclass(frozen=True)
class Provider:
    """A shipped adapter, the queue that it drains, and one request as it makes it."""

    adapter: str
    queue: Callable[[int], Queue]
    options: Callable[[str, Path], Mapping[str, Any]]
    """From the provider's URL and a folder."""
    path: str
    headers: Mapping[str, str]
    body: bytes


def _twilio(url: str, _: Path) -> Mapping[str, Any]:
    return {"account_sid": "AC" + "0" * 32, "auth_token": "t" * 32, "sender": "+12025550100", "url": url}


def _fcm(url: str, folder: Path) -> Mapping[str, Any]:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = rsa.generate_private_key(65_537, 2_048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    account = {
        "type": "service_account",
        "project_id": "bench",
        "private_key_id": "1",
        "private_key": key.decode(),
        "client_email": "bench@example.com",
        "token_uri": f"{url}/token",
    }
    file = folder / "account.json"
    file.write_text(json.dumps(account), encoding="utf-8")
    return {"service_account_file": str(file), "url": url}


PROVIDERS = {
    "sms": Provider(
        "twilio",
        lambda size: Queue(size, "sms", TEXTS),
        _twilio,
        f"/2010-04-01/Accounts/AC{'0' * 32}/Messages.json",
        {"content-type": "application/x-www-form-urlencoded", "authorization": "Basic QUMwMDA6dHR0"},
        b"To=%2B12025500001&From=%2B12025550100&Body=Zo%C3%AB+1%3A+your+code+waits+in+%E4%B8%8A%E6%B5%B7+1+until+tonight.",
    ),
    "push": Provider(
        "fcm",
        lambda size: Queue(size, "push", PUSHES),
        _fcm,
        "/v1/projects/bench/messages:send",
        {"content-type": "application/json", "authorization": "Bearer token"},
        json.dumps(
            {
                "message": {
                    "token": "t" * 40,
                    "notification": {"title": "Zoë 1, for you", "body": "Something waits in 上海 1 until tonight."},
                    "android": {"ttl": "86400s", "priority": "HIGH", "collapse_key": "0123456789abcdef"},
                }
            }
        ).encode(),
    ),
}


@contextmanager
def provider(manner: str = "answers") -> Iterator[str]:
    """Run the provider in another process; yield its URL. ``manner``: see ``http_sink``."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen([sys.executable, "-m", "bench.http_sink", str(port), manner]) as process:
        try:
            wait_for(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


async def bare(url: str, one: Provider, size: int) -> None:
    """Send as many prebuilt requests, fifty at once, and do nothing else."""
    numbers = itertools.repeat(None, size)
    limits = httpx2.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
    async with httpx2.AsyncClient(limits=limits, timeout=30, trust_env=False) as client:

        async def work() -> None:
            for _ in numbers:
                answer = await client.post(f"{url}{one.path}", content=one.body, headers=dict(one.headers))
                assert answer.is_success, answer.status_code

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))


def drained(database_url: str, url: str, one: Provider, size: int, folder: Path) -> Timing:
    """Drain the store at ``database_url``; return how long it took, with the start of the processes that compose."""
    database = Database(database_url)
    settings = Settings(brand=Brand(name="Maison Habitué"))
    adapter = make_adapter(one.adapter, {**one.options(url, folder), "connections": AT_ONCE}, ADAPTERS, lambda: NOW)
    queue = one.queue(size)
    library = TemplateLibrary(queue.files, blocks_of(CHANNELS))
    done: list[DeliveryCounts] = []
    before = cpu_seconds()
    with closing(processes()) as composers:
        worker = Delivery(
            database, library, catalog(), {queue.channel: [Outlet(adapter)]}, settings, FixedClock(NOW), composers
        )
        taken = seconds(lambda: done.append(asyncio.run(worker.drain())))
    used = cpu_seconds() - before
    database.close()
    assert done[0].accepted == size, done
    return Timing(taken, used)


def main() -> int:
    """Measure and print."""
    parser = command_line(20_000, "messages")
    parser.add_argument("--database", choices=DATABASES, default="sqlite", help="where the store is")
    parser.add_argument("--channel", choices=sorted(PROVIDERS), default="sms")
    given = parser.parse_args()
    one, size = PROVIDERS[given.channel], given.size
    with scratch() as folder, stores(given.database) as where, provider() as url:
        full = where.fresh("full")
        database = Database(full)
        seed(database, one.queue(size))
        database.close()
        where.settle(full)
        floor, ours = interleaved_timings(
            ROUNDS,
            lambda: timed(lambda: asyncio.run(bare(url, one, size))),
            lambda: drained(where.copy(full, "run"), url, one, size, folder),
        )
    fine = report(
        "http_drain",
        ratio=floor.wall / ours.wall,
        bar=BAR,
        at_most=False,
        channel=given.channel,
        database=given.database,
        size=size,
        rate=round(size / ours.wall),
        bare_rate=round(size / floor.wall),
        cpu_us=round(ours.cpu / size * 1_000_000),
        bare_cpu_us=round(floor.cpu / size * 1_000_000),
    )
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
