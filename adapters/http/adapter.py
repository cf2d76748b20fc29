"""What all adapters over HTTP have in common: opening, closing, and telling of departures."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Any, Self

from adapters.base import Answer, Departing, Message, nobody_asks
from adapters.http.client import HttpClient
from adapters.http.options import HttpOptions


class HttpAdapter(ABC):
    """Base of these adapters; each has a ``channel`` and a ``payload``, and sends through ``_client``."""

    channel: str
    payload: type[Any]

    def __init__(self, options: HttpOptions, name: str, *, http2: bool = False) -> None:
        self.name = name
        self.concurrency = options.connections
        self._client = HttpClient(options, http2=http2)

    async def __aenter__(self) -> Self:
        """Open the adapter; connections are opened when needed."""
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        await self._client.__aexit__(kind, error, trace)

    async def send(self, message: Message) -> Answer:
        """Send one message."""
        return await self.send_telling(message, nobody_asks)

    @abstractmethod
    async def send_telling(self, message: Message, departing: Departing) -> Answer:
        """Send one message; call ``departing`` just before the provider can have it."""
