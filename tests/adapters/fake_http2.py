"""A provider's HTTP/2 server on this machine, over TLS with ALPN, scripted as ``fake_http`` is.

Frames are read and written by h2 alone. Besides answering, a script can reset a stream and tell the client to go away.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
import trustme

from tests.adapters.fake_http import HangUp, Request, Response, Silence


@dataclass(frozen=True)
class Reset:
    """The server resets the stream; with REFUSED_STREAM it has not looked at the request (RFC 9113, 8.7)."""

    code: h2.errors.ErrorCodes = h2.errors.ErrorCodes.REFUSED_STREAM


@dataclass(frozen=True)
class GoAway:
    """The server ends the connection, and says which stream was the last that it looked at; None: this one."""

    last: int | None = None
    reason: str = "Shutdown"


@dataclass(frozen=True)
class Garbage:
    """The server begins an answer, and goes on with what is not HTTP/2."""


Said2 = Response | Silence | HangUp | Reset | GoAway | Garbage
Script2 = Callable[[Request], Said2]


@dataclass
class FakeHttp2:
    """The running server. ``requests`` are complete ones, in the order in which they arrived."""

    url: str
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    streams: list[int] = field(default_factory=list)
    """How many streams were open when each request was complete."""
    hold: int = 0
    """How many requests have to arrive before any is answered."""


@dataclass
class _Stream:
    headers: dict[str, str]
    body: bytes = b""


@asynccontextmanager
async def fake_http2(script: Script2, folder: Path, max_streams: int = 100) -> AsyncIterator[FakeHttp2]:
    """Serve ``script`` on a free port; ``folder`` gets ``ca.pem``, the certificate to trust."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    context.set_alpn_protocols(["h2"])
    fake = FakeHttp2("")
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        fake.connections += 1
        try:
            await _Connection(fake, script, reader, writer).serve(max_streams)
        except (ConnectionError, asyncio.CancelledError, h2.exceptions.ProtocolError, ssl.SSLError):
            pass  # the client has gone, or the test is over
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    fake.url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield fake
    finally:
        server.close()
        for task in [*tasks]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Connection:
    def __init__(
        self, fake: FakeHttp2, script: Script2, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._fake, self._script = fake, script
        self._reader, self._writer = reader, writer
        self._streams: dict[int, _Stream] = {}
        self._held: list[tuple[int, Request]] = []
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))

    async def serve(self, max_streams: int) -> None:
        limit = {h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: max_streams}
        self._h2.local_settings = h2.settings.Settings(client=False, initial_values=limit)
        self._h2.initiate_connection()
        self._flush()
        while octets := await self._reader.read(65_536):
            for event in self._h2.receive_data(octets):
                self._take(event)
            self._flush()

    def _flush(self) -> None:
        self._writer.write(self._h2.data_to_send())

    def _take(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RequestReceived(stream_id=int(number), headers=headers):
                self._streams[number] = _Stream({str(name): str(value) for name, value in headers or ()})
            case h2.events.DataReceived(stream_id=int(number), data=bytes(octets), flow_controlled_length=int(length)):
                self._streams[number].body += octets
                self._h2.acknowledge_received_data(length, number)
            case h2.events.StreamEnded(stream_id=int(number)):
                self._complete(number)
            case h2.events.StreamReset(stream_id=int(number)):
                self._streams.pop(number, None)
            case _:
                pass

    def _complete(self, number: int) -> None:
        stream = self._streams[number]
        headers = {name: value for name, value in stream.headers.items() if not name.startswith(":")}
        request = Request(stream.headers[":method"], stream.headers[":path"], headers, stream.body)
        self._fake.requests.append(request)
        self._fake.streams.append(len(self._streams))
        self._held.append((number, request))
        if len(self._fake.requests) >= self._fake.hold:
            held, self._held = self._held, []
            for stream_id, one in held:
                if not self._writer.is_closing():
                    self._answer(stream_id, self._script(one))

    def _answer(self, number: int, said: Said2) -> None:
        if isinstance(said, Silence):
            return
        self._streams.pop(number, None)
        match said:
            case Response(status, body, headers):
                octets = body if isinstance(body, bytes) else json.dumps(body).encode()
                self._h2.send_headers(number, [(":status", str(status)), *headers], end_stream=not octets)
                if octets:
                    self._h2.send_data(number, octets, end_stream=True)
            case Garbage():
                self._h2.send_headers(number, [(":status", "200")])
                self._flush()
                self._writer.write(b"\xff" * 64)
            case Reset(code):
                self._h2.reset_stream(number, code)
            case GoAway(last, reason):
                said_why = json.dumps({"reason": reason}).encode()
                self._h2.close_connection(additional_data=said_why, last_stream_id=number if last is None else last)
                self._flush()
                self._writer.close()
            case _:
                self._writer.transport.abort()
