"""Calling a provider's HTTP API: pooled connections, departures, and failures of the network as answers.

A message departs just before the request's body is written: the provider cannot have it before that. What fails earlier
has surely not been sent; what fails later may have been.
"""

import logging
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx2
import orjson

from adapters.base import Answer, Outcome
from adapters.http.options import HttpOptions
from adapters.reasons import CONNECTION_FAILED, CONNECTION_TIMEOUT, DISCONNECTED, TIMEOUT, TLS_FAILED

_TALKATIVE = ("httpx2", "httpcore2", "hpack")
"""Loggers that would write addresses and secrets: they log URLs and headers below ``WARNING``."""
_IDLE = 15.0
"""Seconds after which an idle connection is closed; providers close theirs after 30 seconds and more."""
_HEADERS_BEGIN, _BODY_BEGINS = ".send_request_headers.started", ".send_request_body.started"
Departing = Callable[[], None]


def nobody_asks() -> None:
    """Take no notice of a departure."""


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
        self._client: httpx2.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        """Open the pool; connections are opened when needed."""
        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(logging.WARNING)
        options = self._options
        self._client = httpx2.AsyncClient(
            http1=not self._http2,
            http2=self._http2,
            verify=ssl.create_default_context(cafile=str(options.ca_file)) if options.ca_file else True,
            timeout=httpx2.Timeout(options.timeout, read=options.answer_timeout, pool=None),
            limits=httpx2.Limits(
                max_connections=options.connections,
                max_keepalive_connections=options.connections,
                keepalive_expiry=_IDLE,
            ),
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

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
        assert self._client is not None, "the adapter is not open"
        departure = _Departure(_BODY_BEGINS if body else _HEADERS_BEGIN, departing)
        try:
            response = await self._client.request(
                method, url, content=body, headers=dict(headers), extensions={"trace": departure.trace}
            )
        except httpx2.ConnectTimeout:
            return Answer(Outcome.ADAPTER_DOWN, CONNECTION_TIMEOUT.value, CONNECTION_TIMEOUT.sentence)
        except httpx2.ConnectError as error:
            reason = TLS_FAILED if _is_about_tls(error) else CONNECTION_FAILED
            return Answer(Outcome.ADAPTER_DOWN, reason.value, reason.sentence)
        except httpx2.TransportError as error:
            reason = TIMEOUT if isinstance(error, httpx2.TimeoutException) else DISCONNECTED
            outcome = Outcome.UNKNOWN if departure.has_been else Outcome.RETRY
            return Answer(outcome, reason.value, reason.sentence)
        return Reply(response.status_code, _lower(response.headers), response.content)


class _Departure:
    """Watches a request, to tell when the part of it begins that completes it."""

    def __init__(self, last_part: str, departing: Departing) -> None:
        self._last_part = last_part
        self._departing = departing
        self.has_been = False

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event.endswith(self._last_part) and not self.has_been:
            self._departing()
            self.has_been = True


def _is_about_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
