"""The SMTP adapter: pooled connections to one server (RFC 5321), with TLS and log-in."""

import asyncio
from types import TracebackType
from typing import Self

from adapters.base import Answer, EmailPayload, Message
from adapters.smtp_line import Line
from adapters.smtp_options import SmtpOptions

__all__ = ["SmtpAdapter", "SmtpOptions"]


class SmtpAdapter:
    """Hands messages to an SMTP server over up to ``options.connections`` connections, kept between messages."""

    channel = "email"
    payload = EmailPayload

    def __init__(self, options: SmtpOptions, name: str = "smtp") -> None:
        self.name = name
        self.concurrency = options.connections
        self._options = options
        self._room = asyncio.Semaphore(options.connections)
        self._idle: list[Line] = []
        self._closed = False

    async def __aenter__(self) -> Self:
        """Make ready; connections are made when they are needed."""
        self._closed = False
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Say QUIT on every idle connection; those in use close when their message is answered."""
        self._closed = True
        lines, self._idle = self._idle, []
        await asyncio.gather(*(line.quit() for line in lines))

    async def send(self, message: Message) -> Answer:
        """Hand one message over. A cancelled hand-off drops its connection, so no half message stays behind."""
        async with self._room:
            line = await self._line()
            try:
                answer = await line.deliver(message)
            except BaseException:
                line.drop()
                raise
            if self._closed:
                await line.quit()
            elif line.is_open:
                self._idle.append(line)
            return answer

    async def _line(self) -> Line:
        while self._idle:
            line = self._idle.pop()
            if line.is_open and line.sent < self._options.messages_per_connection:
                return line
            await line.quit()
        return Line(self._options)
