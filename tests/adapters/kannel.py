"""A real Kannel on free ports of this machine: bearerbox, smsbox, and the fake SMS centre that comes with it.

Each process is ready when it says so; nothing is waited for by the clock.
"""

import asyncio
import re
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest

FAKE_CENTRE = Path("/usr/lib/kannel/test/fakesmsc")
PATIENCE = 30
"""Seconds until a test fails instead of waiting for something that Kannel never says."""
_GOT = re.compile(rb"Got message \d+: <(.*)>$")

SETTINGS = """
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = {password}
smsbox-port = {boxes}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
log-level = 0

group = smsc
smsc = fake
smsc-id = fake
port = {centre}
our-host = 127.0.0.1
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1
log-level = 0

group = sendsms-user
username = habitue
password = {password}
max-messages = 10
concatenation = true

group = sms-service
keyword = default
catch-all = true
max-messages = 0
get-url = "{callbacks}?token={token}&from=%q&text=%b&charset=%C&id=%I"
"""
"""The same as docs/adapters/sms_gateway.md shows, with ports and a fake centre; a test compares them."""


@dataclass(frozen=True)
class Arrived:
    """A text that has arrived at the SMS centre: from whom, to whom, and how it was encoded there."""

    sender: str
    number: str
    encoding: str
    text: str


class Kannel:
    """A running Kannel. ``url`` is where it takes texts."""

    def __init__(self, url: str, centre: asyncio.subprocess.Process) -> None:
        self.url = url
        self._centre = centre

    async def arrived(self) -> Arrived:
        """Wait for the next text to arrive at the SMS centre."""
        line = await _line(self._centre, _GOT)
        sender, number, encoding, data = line.split(b" ", 3)
        return Arrived(sender.decode(), number.decode(), encoding.decode(), _decoded(encoding, data))

    async def write_back(self, line: str) -> None:
        """Send a text from a phone, in the words of the fake SMS centre: from, to, encoding, text."""
        assert self._centre.stdin is not None
        self._centre.stdin.write(f"{line}\n".encode())
        await self._centre.stdin.drain()


def _decoded(encoding: bytes, data: bytes) -> str:
    """Return a text as a phone shows it."""
    if encoding == b"ucs-2":
        return unquote_to_bytes(data.replace(b"+", b" ")).decode("utf-16-be")
    return data.decode()


@asynccontextmanager
async def kannel(folder: Path, password: str, callbacks: str, token: str) -> AsyncIterator[Kannel]:
    """Run Kannel, with its settings in ``folder``; it calls ``callbacks`` with what people write."""
    bearerbox, smsbox = (_program(name) for name in ("bearerbox", "smsbox"))
    ports = dict(zip(("admin", "boxes", "centre", "sendsms"), _free_ports(4), strict=True))
    settings = folder / "kannel.conf"
    settings.write_text(SETTINGS.format(**ports, password=password, callbacks=callbacks, token=token))
    async with AsyncExitStack() as stack:
        core = await stack.enter_async_context(_running(bearerbox, str(settings)))
        await _line(core, re.compile(rb"(Start-up done)"))
        box = await stack.enter_async_context(_running(smsbox, str(settings)))
        await _line(box, re.compile(rb"(Connected to bearerbox)"))
        port = str(ports["centre"])
        centre = await stack.enter_async_context(_running(str(FAKE_CENTRE), "-H", "127.0.0.1", "-r", port, "-v", "0"))
        await _line(core, re.compile(rb"(Fakesmsc client connected)"))
        drains = [asyncio.create_task(_drain(one)) for one in (core, box)]
        stack.push_async_callback(_cancelled, drains)
        yield Kannel(f"http://127.0.0.1:{ports['sendsms']}/cgi-bin/sendsms", centre)


def _program(name: str) -> str:
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if found is None or not FAKE_CENTRE.exists():
        pytest.skip("Kannel is not installed: apt-get install kannel kannel-extras")
    return found


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


@asynccontextmanager
async def _running(*command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.STDOUT, limit=1_000_000
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _line(process: asyncio.subprocess.Process, pattern: re.Pattern[bytes]) -> bytes:
    """Read what a process says until it says ``pattern``; return the pattern's group."""
    said: list[bytes] = []
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        while line := await process.stdout.readline():
            said.append(line)
            if found := pattern.search(line.rstrip()):
                return found[1]
    raise AssertionError(b"Kannel has ended:\n" + b"".join(said[-20:]))


async def _drain(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    while await process.stdout.readline():
        pass


async def _cancelled(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
