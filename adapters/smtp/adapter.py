"""The SMTP adapter: pooled connections to one server (RFC 5321), with TLS and authentication."""

import asyncio
from types import TracebackType
from typing import Self

from adapters.base import Answer, Departing, EmailPayload, Message, nobody_asks
from adapters.smtp.connection import SmtpConnection
from adapters.smtp.options import SmtpOptions

__all__ = ["SmtpAdapter", "SmtpOptions"]


class SmtpAdapter:
    """Sends messages to an SMTP server over a pool of up to ``options.connections`` connections."""

    channel = "email"
    payload = EmailPayload

    def __init__(self, options: SmtpOptions, name: str = "smtp") -> None:
        self.name = name
        self.concurrency = options.connections
        self._options = options
        self._slots = asyncio.Semaphore(options.connections)
        self._idle: list[SmtpConnection] = []
        self._closed = False

    async def __aenter__(self) -> Self:
        """Open the adapter; connections are opened when needed."""
        self._closed = False
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send QUIT on every idle connection; those in use close after the answer to their message."""
        self._closed = True
        connections, self._idle = self._idle, []
        await asyncio.gather(*(connection.quit() for connection in connections))

    async def send(self, message: Message) -> Answer:
        """Send one message. If cancelled, its connection is dropped, so that no partial message stays on it."""
        return await self.send_telling(message, nobody_asks)

    async def send_telling(self, message: Message, departing: Departing) -> Answer:
        """Send one message; it departs when its final dot is about to be written."""
        async with self._slots:
            connection = await self._connection()
            try:
                answer = await connection.deliver(message, departing)
            except BaseException:
                connection.drop()
                raise
            if self._closed:
                await connection.quit()
            elif connection.is_open:
                self._idle.append(connection)
            return answer

    async def _connection(self) -> SmtpConnection:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open and connection.sent < self._options.messages_per_connection:
                return connection
            await connection.quit()
        return SmtpConnection(self._options)
