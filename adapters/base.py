"""The port between delivery and the providers.

An adapter knows its provider and nothing else: no table, no rule, no retry. It classifies what the provider
answered; one stage of the engine decides what follows from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self


class Outcome(StrEnum):
    """What became of one hand-off."""

    ACCEPTED = "accepted"
    """The provider took responsibility."""
    RETRY = "retry"
    """Not now: try this message again later (4xx, time-out before the message was complete)."""
    REJECTED = "rejected"
    """Never for this message or recipient (5xx on recipient or content)."""
    ADAPTER_DOWN = "adapter_down"
    """The provider or its configuration is at fault (refused connection, wrong password): no message failed."""
    UNKNOWN = "unknown"
    """The connection broke after the message was complete and before the answer: it may have been taken."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message, ready for the wire.

    ``key`` is the idempotency key, equal on every attempt. ``recipient`` and ``sender`` are the envelope's addresses.
    ``body`` is the complete RFC 5322 message with CRLF line ends for email, UTF-8 text for other channels.
    """

    key: str
    sender: str
    recipient: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider said of one message.

    ``reason`` is a short snake_case word of ours, stable for the log and for reports. ``detail`` is the provider's
    text, shortened and free of secrets and addresses. ``reference`` is the provider's id for the message.
    """

    outcome: Outcome
    reason: str = ""
    detail: str = ""
    reference: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


class Adapter(Protocol):
    """A provider's implementation of one channel. Opened once, used by many tasks of one event loop, closed once."""

    @property
    def name(self) -> str:
        """The adapter's name in ``config.toml`` and in the action log."""
        ...

    @property
    def channel(self) -> str:
        """The channel that it serves: ``email``, ``sms``, ``push``."""
        ...

    @property
    def concurrency(self) -> int:
        """How many hand-offs it can carry at once; delivery starts no more."""
        ...

    async def __aenter__(self) -> Self:
        """Make ready. A provider that cannot be reached is not an error here; ``send`` reports it."""
        ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections in an orderly way."""
        ...

    async def send(self, message: Message) -> Answer:
        """Hand one message over and classify the answer. Raises nothing that a provider can cause."""
        ...
