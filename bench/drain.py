"""Draining a queue of personalised emails, compared with a bare aiosmtplib loop that sends prebuilt messages.

``python -m bench.drain --size N`` prints one JSON line. Both sides send the same number of messages of the same size to
the same sink (postfix's smtp-sink, or our own small one in another process) over ten connections, alternately. The
drain does everything: claim, gates, render, build, hand off, send, record, on SQLite with its usual settings.
"""

import asyncio
import os
import resource
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import aiosmtplib
from sqlalchemy import Table, insert, text

from adapters.smtp.adapter import SmtpAdapter, SmtpOptions
from bench.common import Timing, interleaved_timings, report, scratch, seconds, size_from_command_line, timed
from engine.channels import CHANNELS
from engine.channels.base import blocks_of
from engine.clock import DAY, NEVER, SECOND, FixedClock, Instant
from engine.composing.jobs import Limits
from engine.composing.processes import Composers, Processes
from engine.content.bundle import Bundle
from engine.delivery.dispatch import Delivery
from engine.delivery.tally import DeliveryCounts
from engine.facts.catalog import FactCatalog, load_catalog
from engine.messages.templates import TemplateLibrary
from engine.settings import Brand, ComposingSettings, Settings
from engine.store.database import Database
from engine.store.state_table import follow, migrate
from engine.store.tables import Action, Enrolment, Users

BAR = 0.75
ROUNDS = 3
CONNECTIONS = 10
NOW = Instant(1_790_000_000_000)
SENDER = "hello@example.com"

FACTS = """
[facts.first_name]
attribute = "first_name"
type = "text"
[facts.city]
attribute = "city"
type = "text"
[facts.spend_365d]
attribute = "spend"
type = "money"
[facts.orders_365d]
attribute = "orders"
type = "integer"
"""
_PERSONAL = (
    "<p class='t'>Thank you, {{ facts.first_name }}: you were with us in {{ facts.city }}, and we have put something "
    "aside for you that goes well with what you chose the last time, in case you would like to look at it.</p>\n"
)
_GENERAL = (
    "<p class='t'>What is new this week: linen in five colours, a lamp that stands by itself, and the small things "
    "that make a kitchen work. All of it is in the shop, and all of it can be sent back within thirty days.</p>\n"
)
TEMPLATE = (
    "{% block subject %}{{ facts.first_name }}, something for you in {{ facts.city }}{% endblock %}"
    "{% block html %}<html><head><style>.t { color: #222; margin: 0 0 12px } .b { font-weight: bold }</style></head>"
    "<body><h1 class='b'>Hello {{ facts.first_name }}</h1>"
    + (_PERSONAL + _GENERAL + _GENERAL)
    * 2
    + "<p class='t'>You spent {{ facts.spend_365d | money }} in {{ facts.orders_365d }} orders.</p>"
    "<p class='t'><a href='{{ unsubscribe_url }}'>Unsubscribe</a> {{ brand.name }}</p></body></html>{% endblock %}"
)


def catalog() -> FactCatalog:
    """Return the facts of this benchmark."""
    found, findings = load_catalog(Bundle({"rules/facts.toml": FACTS}), 100)
    assert not findings, findings
    return found


def seed(database: Database, size: int) -> None:
    """Fill a fresh store with ``size`` users and one due message for each."""
    migrate(database)
    users, enrolment, action = _table(Users), _table(Enrolment), _table(Action)
    with database.write() as connection:
        follow(connection, database.dialect, catalog().columns())
        for start in range(1, size + 1, 5_000):
            ids = range(start, min(start + 5_000, size + 1))
            connection.execute(insert(users), [_user(number) for number in ids])
            connection.execute(insert(enrolment), [_enrolment(number) for number in ids])
            connection.execute(insert(action), [_action(number) for number in ids])
        never = {"never": NEVER}
        connection.execute(text("INSERT INTO user_due (user_id, due_at) SELECT id, :never FROM users"), never)
        connection.execute(
            text(
                "INSERT INTO user_state (user_id, fact_first_name, fact_city, fact_spend_365d, "
                "fact_orders_365d) SELECT id, 'Zoë ' || id, '上海 ' || (id % 9), id * 100, id % 20 FROM users"
            )
        )


def _table(model: type) -> Table:
    found = model.__table__  # type: ignore[attr-defined]
    assert isinstance(found, Table)
    return found


def _user(number: int) -> dict[str, object]:
    return {
        "id": number,
        "key": f"u{number}",
        "email": f"user.{number}@example.com",
        "locale": "en",
        "timezone": "Europe/Berlin",
        "first_seen_at": 0,
        "updated_at": 0,
    }


def _enrolment(number: int) -> dict[str, object]:
    return {
        "id": number,
        "playbook": "winback",
        "version": "v",
        "user_id": number,
        "occurrence": f"transition:{number}",
        "state": "active",
        "step": 1,
        "due_at": NOW + DAY,
        "trigger_at": NOW - 1,
        "entered_at": NOW - 1,
    }


def _action(number: int) -> dict[str, object]:
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
        "send_window": "00:00-23:59",
        "state": "queued",
        "reason": "due",
        "due_at": NOW - 1,
        "expires_at": NOW + DAY,
        "created_at": NOW - 1,
        "changed_at": NOW - 1,
    }


@contextmanager
def sink() -> Iterator[tuple[int, str]]:
    """Run a sink in another process; yield its port and its name."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    found = shutil.which("smtp-sink", path="/usr/sbin:/usr/lib/postfix/sbin:/usr/bin:/usr/local/sbin")
    as_user = ["-u", "nobody"] if os.geteuid() == 0 else []  # it refuses to run as root
    command = (
        [found, *as_user, f"127.0.0.1:{port}", "200"] if found else [sys.executable, "-m", "bench.sink", str(port)]
    )
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port)
            yield port, "smtp-sink" if found else "own"
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


async def bare(port: int, messages: list[bytes]) -> None:
    """Send ``messages`` over ten connections, and do nothing else."""
    numbers = iter(range(len(messages)))

    async def work() -> None:
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False)
        await client.connect()
        for number in numbers:
            await client.sendmail(SENDER, [f"user.{number}@example.com"], messages[number])
        await client.quit()

    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))


def processes() -> Processes:
    """Return the processes that compose, with the usual settings."""
    usual = ComposingSettings()
    return Processes(usual.processes, Limits(usual.time / SECOND, usual.memory << 20))


def delivery(database: Database, port: int, composers: Composers) -> Delivery:
    """Return a delivery from ``database`` to the sink, set up as in the worker."""
    settings = Settings(brand=Brand(name="Maison Habitué", sender=SENDER))
    smtp = SmtpAdapter(SmtpOptions(host="127.0.0.1", port=port, security="none", connections=CONNECTIONS))
    library = TemplateLibrary({"winback/offer.email.j2": TEMPLATE}, blocks_of(CHANNELS))
    return Delivery(database, library, catalog(), {"email": smtp}, settings, FixedClock(NOW), composers)


def _example(folder: Path) -> bytes:
    """Return one message as delivery builds it."""
    from adapters.capture import CaptureAdapter, CaptureOptions

    database = Database(f"sqlite:///{folder / 'one.db'}")
    seed(database, 1)
    capture = CaptureAdapter(CaptureOptions(folder=folder / "mail"))
    library = TemplateLibrary({"winback/offer.email.j2": TEMPLATE}, blocks_of(CHANNELS))
    settings = Settings(brand=Brand(sender=SENDER))
    with closing(processes()) as composers:
        one = Delivery(database, library, catalog(), {"email": capture}, settings, FixedClock(NOW), composers)
        asyncio.run(one.drain())
    database.close()
    return next((folder / "mail").rglob("*.eml")).read_bytes()


def cpu_seconds() -> float:
    """Return the CPU time of this process and of those that it started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def drained(folder: Path, port: int, size: int) -> Timing:
    """Drain a fresh copy of the store; return how long it took, with the start of the processes that compose."""
    path = Path(shutil.copyfile(folder / "full.db", folder / "run.db"))
    database = Database(f"sqlite:///{path}")
    done: list[DeliveryCounts] = []
    before = cpu_seconds()
    with closing(processes()) as composers:
        worker = delivery(database, port, composers)
        taken = seconds(lambda: done.append(asyncio.run(worker.drain())))
    used = cpu_seconds() - before
    database.close()
    for leftover in folder.glob("run.db*"):
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    assert done[0].accepted == size, done
    return Timing(taken, used)


def main() -> int:
    """Measure and print."""
    size = size_from_command_line(20_000, "messages")
    with scratch() as folder, sink() as (port, kind):
        example = _example(folder)
        database = Database(f"sqlite:///{folder / 'full.db'}")
        seed(database, size)
        database.close()
        messages = [example] * size
        floor, ours = interleaved_timings(
            ROUNDS,
            lambda: timed(lambda: asyncio.run(bare(port, messages))),
            lambda: drained(folder, port, size),
        )
    fine = report(
        "drain",
        ratio=floor.wall / ours.wall,
        bar=BAR,
        at_most=False,
        size=size,
        octets=len(example),
        sink=kind,
        rate=round(size / ours.wall),
        bare_rate=round(size / floor.wall),
        cpu_us=round(ours.cpu / size * 1_000_000),
        bare_cpu_us=round(floor.cpu / size * 1_000_000),
    )
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
