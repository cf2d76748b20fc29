"""A provider's HTTP server on this machine, scripted: it keeps every request and answers as it is told.

It parses requests with h11 alone, so that nothing of the program checks itself.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

import h11


@dataclass(frozen=True)
class Request:
    """One request as it arrived."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def json(self) -> object:
        return json.loads(self.body)


@dataclass(frozen=True)
class Response:
    """What the server answers: ``body`` is sent as JSON unless it is octets."""

    status: int = 200
    body: object = b""
    headers: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Silence:
    """The server reads the request and never answers."""


@dataclass(frozen=True)
class HangUp:
    """The server reads the request and closes the connection."""


Script = Callable[[Request], Response | Silence | HangUp]


@dataclass
class FakeHttp:
    """The running server. ``requests`` are complete ones, in the order in which they arrived."""

    url: str
    requests: list[Request] = field(default_factory=list)
    connections: int = 0


@asynccontextmanager
async def fake_http(script: Script, wait: float = 0) -> AsyncIterator[FakeHttp]:
    """Serve ``script`` on a free port of this machine; each answer comes ``wait`` seconds after its request."""
    fake = FakeHttp("")
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        fake.connections += 1
        try:
            await _serve(fake, script, wait, reader, writer)
        except (ConnectionError, asyncio.CancelledError, h11.RemoteProtocolError):
            pass  # the client has gone, or the test is over
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    fake.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield fake
    finally:
        server.close()
        for task in [*tasks]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _serve(
    fake: FakeHttp, script: Script, wait: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    connection = h11.Connection(h11.SERVER)
    while (request := await _request(connection, reader)) is not None:
        fake.requests.append(request)
        answer = script(request)
        if wait:
            await asyncio.sleep(wait)
        if isinstance(answer, HangUp):
            return
        if isinstance(answer, Silence):
            await asyncio.Event().wait()
        assert isinstance(answer, Response)
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        head = h11.Response(status_code=answer.status, headers=[*answer.headers, ("content-length", str(len(body)))])
        writer.write(
            (connection.send(head) or b"")
            + (connection.send(h11.Data(data=body)) or b"")
            + (connection.send(h11.EndOfMessage()) or b"")
        )
        await writer.drain()
        if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
            return
        connection.start_next_cycle()


async def _request(connection: h11.Connection, reader: asyncio.StreamReader) -> Request | None:
    head: h11.Request | None = None
    body = b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(65_536))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            assert head is not None
            headers = {name.decode().lower(): value.decode() for name, value in head.headers}
            return Request(head.method.decode(), head.target.decode(), headers, body)
        else:
            return None
