"""A scripted SMTP server: a test sets its reply to each verb."""

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self

DROP = "drop"
"""Hang up instead of answering."""
SILENCE = "silence"
"""Never answer."""
LATER = "later"
"""Give the usual answer once the test calls ``release``."""

DEFAULTS = {
    "GREETING": "220 test.example.com ready",
    "HELO": "250 test.example.com",
    "MAIL": "250 2.1.0 ok",
    "RCPT": "250 2.1.5 ok",
    "DATA": "354 go on",
    "DOT": "250 2.0.0 Ok: queued as 4F1A2B",
    "RSET": "250 2.0.0 ok",
    "QUIT": "221 2.0.0 bye",
    "STARTTLS": "220 2.0.0 ready",
    "AUTH": "235 2.7.0 ok",
}


class Hangup(Exception):
    """The script says to close the connection."""


class ScriptedSmtp(AbstractAsyncContextManager["ScriptedSmtp"]):
    """Listens on a free port of the loopback. ``script`` maps a verb (or ``GREETING``, ``BODY``, ``DOT``) to its replies.

    Replies are used up in order, then the usual one follows. ``size_read`` limits how much of a message is read
    before the server hangs up. ``reader`` has what the latest client wrote and the server did not look at yet.
    """

    def __init__(
        self,
        script: Mapping[str, list[str]] | None = None,
        *,
        extensions: tuple[str, ...] = ("SIZE 10000000", "8BITMIME"),
        tls: ssl.SSLContext | None = None,
        size_read: int | None = None,
    ) -> None:
        self.reader: asyncio.StreamReader
        self.script = {verb: list(replies) for verb, replies in (script or {}).items()}
        self.extensions = extensions
        self.tls = tls
        self.size_read = size_read
        self.commands: list[str] = []
        self.messages: list[bytes] = []
        self.connections = 0
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._released = asyncio.Event()
        self.silent = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, limit=1 << 24)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self._released.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def verbs(self) -> list[str]:
        return [command.split(" ", 1)[0].split(":", 1)[0] for command in self.commands]

    def release(self) -> None:
        """Let whoever waits for an answer have it."""
        self._released.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self.reader = reader
        try:
            await self._reply(writer, "GREETING")
            await self._converse(reader, writer)
        except (Hangup, ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            writer.transport.abort()
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            command = line.decode("utf-8").rstrip("\r\n")
            self.commands.append(command)
            verb = command.split(" ", 1)[0].upper()
            if verb == "EHLO" and "EHLO" not in self.script:
                lines = ["test.example.com", *self.extensions]
                text = "".join(f"250-{entry}\r\n" for entry in lines[:-1]) + f"250 {lines[-1]}\r\n"
                writer.write(text.encode())
                continue
            code = await self._reply(writer, verb)
            if verb == "QUIT":
                return
            if verb == "STARTTLS" and code == "220":
                assert self.tls is not None
                await writer.start_tls(self.tls)
            if verb == "DATA" and code == "354":
                await self._message(reader, writer)

    async def _message(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.script.get("BODY"):
            writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's transport can
            await self._reply(writer, "BODY")
        if self.size_read is not None:
            await reader.read(self.size_read)
            raise Hangup
        text = b"\r\n"
        while not text.endswith(b"\r\n.\r\n"):
            text += await reader.readuntil(b".\r\n")
        self.messages.append(text[2:-3].replace(b"\r\n..", b"\r\n."))
        await self._reply(writer, "DOT")

    async def _reply(self, writer: asyncio.StreamWriter, verb: str) -> str:
        queued = self.script.get(verb)
        reply = queued.pop(0) if queued else DEFAULTS.get(verb, "500 5.5.1 unknown")
        if reply == DROP:
            raise Hangup
        if reply in (SILENCE, LATER):
            self.silent.set()
            await self._released.wait()
            if reply == SILENCE:
                raise Hangup
            reply = DEFAULTS[verb]
        writer.write(reply.encode() + b"\r\n")
        await writer.drain()
        return reply[:3]
