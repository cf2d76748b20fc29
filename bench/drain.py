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

from adapters.smtp.adapter import SmtpAdapter, SmtpOptions
from bench.common import Timing, interleaved_timings, report, scratch, seconds, size_from_command_line, timed
from bench.queued import NOW, Queue, catalog, seed
from engine.channels import CHANNELS
from engine.channels.base import blocks_of
from engine.channels.outlets import Outlet
from engine.clock import SECOND, FixedClock
from engine.composing.jobs import Limits
from engine.composing.processes import Composers, Processes
from engine.delivery.dispatch import Delivery
from engine.delivery.tally import DeliveryCounts
from engine.messages.templates import TemplateLibrary
from engine.settings import Brand, ComposingSettings, Settings
from engine.store.database import Database

BAR = 0.75
ROUNDS = 3
CONNECTIONS = 10
SENDER = "hello@example.com"


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
            wait_for(port)
            yield port, "smtp-sink" if found else "own"
        finally:
            process.terminate()


def wait_for(port: int) -> None:
    """Wait until something listens on ``port`` of this machine."""
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
    library = TemplateLibrary(Queue(1).files, blocks_of(CHANNELS))
    return Delivery(database, library, catalog(), {"email": [Outlet(smtp)]}, settings, FixedClock(NOW), composers)


def _example(folder: Path) -> bytes:
    """Return one message as delivery builds it."""
    from adapters.capture import CaptureAdapter, CaptureOptions

    database = Database(f"sqlite:///{folder / 'one.db'}")
    seed(database, Queue(1))
    capture = CaptureAdapter(CaptureOptions(folder=folder / "mail"))
    library = TemplateLibrary(Queue(1).files, blocks_of(CHANNELS))
    settings = Settings(brand=Brand(sender=SENDER))
    with closing(processes()) as composers:
        one = Delivery(database, library, catalog(), {"email": [Outlet(capture)]}, settings, FixedClock(NOW), composers)
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
        seed(database, Queue(size))
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
