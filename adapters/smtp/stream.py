"""Writes SMTP commands and reads the replies in order (RFC 5321, 4.2), including those to pipelined commands.

aiosmtplib's own protocol cannot pipeline: it drops everything after the first reply.
"""

import asyncio
from collections import deque
from typing import NamedTuple

MAX_LINE = 2_048
"""Maximum octets in one line of a reply; RFC 5321 (4.5.3.1.5) allows 512."""
MAX_REPLY = 65_536
"""Maximum octets of one reply."""

_MARKS = frozenset((b" ", b"-", b"", b"\r"))
"""What may follow a reply's code; ``-`` means that more lines follow."""


class Reply(NamedTuple):
    """A reply's code, and its text, in several lines if the reply has several."""

    code: int
    text: str


class NotSmtp(Exception):
    """What came is not an SMTP reply."""


class SmtpStream(asyncio.Protocol):
    """Writes commands to an open connection, and reads as many replies as are expected.

    Unsolicited output of the server is dropped, so that it is never taken for the reply to a later command. The time
    limit moves with every message and is hardly ever reached, so a single timer checks it and reschedules itself.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        """Take over ``transport`` from the protocol that opened it."""
        self._transport = transport
        self._owed = 0
        self._rest = b""
        self._lines: list[bytes] = []
        self._ready: deque[Reply] = deque()
        self._fault: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        transport.set_protocol(self)

    @property
    def is_open(self) -> bool:
        """Whether commands can be written."""
        return self._fault is None and not self._transport.is_closing()

    @property
    def expected(self) -> int:
        """How many replies have not been read yet."""
        return self._owed + len(self._ready)

    @property
    def unwritten(self) -> int:
        """How many octets have not been sent to the network yet."""
        return self._transport.get_write_buffer_size()

    def limit(self, seconds: float) -> None:
        """Give the server ``seconds`` from now to take what is written and to reply. Replaces any earlier limit."""
        loop = asyncio.get_running_loop()
        self._due = loop.time() + seconds
        if self._timer is not None and self._timer.when() > self._due:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = loop.call_at(self._due, self._check_time)

    def write(self, octets: bytes, *, replies: int) -> None:
        """Write ``octets``, to which the server will send ``replies`` replies.

        Raises:
            OSError: the connection is closed, or its time limit has passed.
        """
        self.check()
        self._owed += replies
        self._transport.write(octets)

    async def read(self) -> Reply:
        """Return the next reply.

        Raises:
            ConnectionError: the connection broke before the reply was complete.
            TimeoutError: the reply did not come within the limit.
            NotSmtp: something other than a reply came.
        """
        while not self._ready:
            if self._fault is not None:
                raise self._fault
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._ready.popleft()

    def check(self) -> None:
        """Raise the same errors as ``read`` if the connection can no longer be used."""
        if self._fault is not None:
            raise self._fault
        if self._transport.is_closing():
            raise ConnectionResetError("connection lost")

    def close(self) -> None:
        """Close the connection."""
        if self._timer is not None:
            self._timer.cancel()
        self._end(ConnectionAbortedError("connection closed"))
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Split received data into replies."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if not self._owed:
                break
            self._line(line)
        if not self._owed:
            self._rest, self._lines = b"", []
        elif len(self._rest) > MAX_LINE or (self._lines and sum(map(len, self._lines)) > MAX_REPLY):
            self._end(NotSmtp("a reply is too long"))
        if self._ready:
            self._tell()

    def eof_received(self) -> bool:
        """The server sends no more: close."""
        self._end(ConnectionResetError("connection lost"))
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._end(ConnectionResetError("connection lost"))

    def _line(self, line: bytes) -> None:
        code, mark = line[:3], line[3:4]
        if len(line) > MAX_LINE or not code.isdigit() or mark not in _MARKS:
            self._end(NotSmtp("a line is not a reply"))
            self._owed = 0
            return
        text = line[4:].strip()
        if mark == b"-":
            self._lines.append(text)
            return
        if self._lines:
            text = b"\n".join((*self._lines, text))
            self._lines = []
        self._ready.append(Reply(int(code), text.decode("utf-8", "replace")))
        self._owed -= 1

    def _check_time(self) -> None:
        """Check whether the time is up, or the limit was moved."""
        loop = asyncio.get_running_loop()
        self._timer = None
        if not self._owed and not self.unwritten:
            return
        if loop.time() < self._due:
            self._timer = loop.call_at(self._due, self._check_time)
        else:
            self._end(TimeoutError("no reply in time"))

    def _end(self, fault: Exception) -> None:
        if self._fault is None:
            self._fault = fault
        self._tell()

    def _tell(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
