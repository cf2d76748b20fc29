"""Calling a provider's HTTP API: pooled connections, departures, and failures of the network as answers.

A message departs just before the request's body is written: the provider cannot have it before that. What fails earlier
has surely not been sent; what fails later may have been, unless the server says that it did not look at it.

Over HTTP/2 many requests share a connection, and none may harm the others. So a message departs before the headers: a
request that got stuck between headers and body would stay open, and take a place on the connection for good. And a request
whose caller is cancelled goes on if it has departed: frames that are half written would break the connection for all.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx2
import orjson

from adapters.base import Answer, Departing, Outcome, nobody_asks
from adapters.http.http2 import connection_is_full, protocol_errors, surely_unprocessed
from adapters.http.options import HttpOptions
from adapters.reasons import CONNECTION_FAILED, CONNECTION_TIMEOUT, DISCONNECTED, TIMEOUT, TLS_FAILED, AnswerReason

_TALKATIVE = ("httpx2", "httpcore2", "hpack")
"""Loggers that would write addresses and secrets: they log URLs and headers below ``WARNING``."""
_IDLE = 15.0
"""Seconds after which an idle connection is closed; providers close theirs after 30 seconds and more."""
_HOSTS = 4
"""How many hosts a client of HTTP/1.1 stays connected to; most providers have one."""
_HEADERS_BEGIN, _BODY_BEGINS = ".send_request_headers.started", ".send_request_body.started"


@dataclass(frozen=True, slots=True)
class Reply:
    """A provider's reply. Names of ``headers`` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Mapping[str, Any]:
        """Return the JSON object of the body; empty if the body is anything else."""
        try:
            read = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return {}
        return read if isinstance(read, dict) else {}


class HttpClient:
    """A pool of connections to one provider. Use as an async context manager."""

    def __init__(self, options: HttpOptions, *, http2: bool = False) -> None:
        self._options = options
        self._http2 = http2
        self._slots = asyncio.Semaphore(options.connections)
        self._tls: ssl.SSLContext | None = None
        self._clients: list[httpx2.AsyncClient] = []
        self._idle: list[httpx2.AsyncClient] = []
        self._apart: set[asyncio.Task[httpx2.Response]] = set()

    async def __aenter__(self) -> Self:
        """Open the pool; connections are opened when needed."""
        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(logging.WARNING)
        ca_file = self._options.ca_file
        self._tls = ssl.create_default_context(cafile=str(ca_file)) if ca_file else httpx2.create_ssl_context()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        for task in self._apart:
            task.cancel()
        await asyncio.gather(*self._apart, return_exceptions=True)
        clients, self._clients, self._idle, self._tls = self._clients, [], [], None
        await asyncio.gather(*(client.aclose() for client in clients))

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], departing: Departing = nobody_asks
    ) -> Reply | Answer:
        """Send one request; return the provider's reply, or the answer that follows from a failure of the network.

        ``departing`` is called just before the body is written. What it raises ends the call, and the request stays
        incomplete.
        """
        return await self._ask("POST", url, body, headers, departing)

    async def get(self, url: str, headers: Mapping[str, str], departing: Departing = nobody_asks) -> Reply | Answer:
        """Do the same as ``post`` for a provider that takes its messages in the URL: they depart with the headers."""
        return await self._ask("GET", url, b"", headers, departing)

    async def _ask(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str], departing: Departing
    ) -> Reply | Answer:
        longest = self._options.timeout + self._options.answer_timeout
        departure = _Departure(departing, longest, has_body=bool(body), http2=self._http2)
        try:
            async with self._lent() as client:
                work = departure.limited(
                    client.request(
                        method, url, content=body, headers=dict(headers), extensions={"trace": departure.trace}
                    )
                )
                response = await (self._uncancelled(work, departure) if self._http2 else work)
        except httpx2.ConnectTimeout:
            return Answer(Outcome.ADAPTER_DOWN, CONNECTION_TIMEOUT.value, CONNECTION_TIMEOUT.sentence)
        except httpx2.ConnectError as error:
            reason = TLS_FAILED if _is_about_tls(error) else CONNECTION_FAILED
            return Answer(Outcome.ADAPTER_DOWN, reason.value, reason.sentence)
        except httpx2.TransportError as error:
            return departure.failed(TIMEOUT if isinstance(error, httpx2.TimeoutException) else DISCONNECTED, error)
        except TimeoutError as error:
            if not departure.limit.expired():
                raise  # what ``departing`` raised
            return departure.failed(TIMEOUT, error)
        except protocol_errors(http2=self._http2) as error:
            return departure.failed(DISCONNECTED, error)
        return Reply(response.status_code, _lower(response.headers), response.content)

    @asynccontextmanager
    async def _lent(self) -> AsyncIterator[httpx2.AsyncClient]:
        """Lend a client. Over HTTP/1.1 each request has one for itself, the one used last first.

        For each request, a client looks at all of its idle connections, which with fifty of them costs more than the request.
        Over HTTP/2 all requests share one connection, and so one client.
        """
        if self._http2:
            yield self._clients[0] if self._clients else self._made(self._options.connections)
            return
        async with self._slots:
            client = self._idle.pop() if self._idle else self._made(_HOSTS)
            try:
                yield client
            finally:
                if not client.is_closed:
                    self._idle.append(client)

    def _made(self, connections: int) -> httpx2.AsyncClient:
        assert self._tls is not None, "the adapter is not open"
        client = httpx2.AsyncClient(
            http1=not self._http2,
            http2=self._http2,
            verify=self._tls,
            timeout=httpx2.Timeout(self._options.timeout, read=self._options.answer_timeout, pool=None),
            limits=httpx2.Limits(
                max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=_IDLE
            ),
            trust_env=False,
        )
        self._clients.append(client)
        return client

    async def _uncancelled(
        self, work: Coroutine[Any, Any, httpx2.Response], departure: "_Departure"
    ) -> httpx2.Response:
        """Do ``work`` in a task of its own, which goes on if the caller is cancelled."""
        task = asyncio.create_task(work)
        self._apart.add(task)
        task.add_done_callback(self._ended)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            departure.called_off = True
            raise

    def _ended(self, task: asyncio.Task[httpx2.Response]) -> None:
        self._apart.discard(task)
        if not task.cancelled():
            task.exception()  # if the caller was cancelled, nobody else asks for it


class _Departure:
    """Watches a request: tells when it departs, limits its time from then on, and says what its failure means."""

    def __init__(self, departing: Departing, longest: float, *, has_body: bool, http2: bool) -> None:
        self._departing = departing
        self._longest = longest
        self._completes = _BODY_BEGINS if has_body else _HEADERS_BEGIN
        self._departs = _HEADERS_BEGIN if http2 else self._completes
        self._http2 = http2
        self._told = False
        self._may_be_complete = False
        self._stream = 0
        self.called_off = False
        """Nobody waits for the answer any more, so that it need not depart."""
        self.limit = asyncio.timeout(None)
        """Over HTTP/2, time-outs of the connection do not end one request that gets no answer while others do."""

    async def limited(self, work: Coroutine[Any, Any, httpx2.Response]) -> httpx2.Response:
        """Do ``work`` within the limit."""
        async with self.limit:
            return await work

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event.endswith(_HEADERS_BEGIN):
            # If it begins again, on another connection, the server said that it had not looked at it.
            self._may_be_complete = False
            self._stream = info.get("stream_id", 0)
        if event.endswith(self._departs) and not self._told:
            if self.called_off:
                raise asyncio.CancelledError
            self._departing()
            self._told = True
            self.limit.reschedule(asyncio.get_running_loop().time() + self._longest)
        if event.endswith(self._completes):
            self._may_be_complete = True

    def failed(self, reason: AnswerReason, error: BaseException) -> Answer:
        """Return what it means that the network failed."""
        if self._http2 and connection_is_full(error):
            # Messages wait for a while, and then the idle connection is replaced.
            return Answer(Outcome.ADAPTER_DOWN, reason.value, "The provider left too many messages without an answer.")
        unprocessed = self._http2 and surely_unprocessed(error, self._stream)
        outcome = Outcome.UNKNOWN if self._may_be_complete and not unprocessed else Outcome.RETRY
        return Answer(outcome, reason.value, reason.sentence)


def _is_about_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
