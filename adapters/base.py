"""The port between delivery and the providers.

An adapter knows its provider and nothing else: no table, no rule, no retry. It classifies what the provider
answered; one stage of the engine decides what follows from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Any, Protocol, Self


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
class EmailPayload:
    """An email: ``mime`` is the complete RFC 5322 message, with CRLF line ends."""

    mime: bytes


@dataclass(frozen=True, slots=True)
class SmsPayload:
    """A text message."""

    text: str


@dataclass(frozen=True, slots=True)
class PushPayload:
    """A push notification. ``image`` and ``link`` are URLs, empty for none; ``data`` is for the app, not for the eye."""

    title: str
    body: str
    image: str = ""
    link: str = ""
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """One message, ready for the wire.

    ``key`` is the idempotency key, equal on every attempt. ``sender`` is the brand's email address; an adapter of
    another channel may have a sender among its options. ``recipient`` is the address in the form to send to.
    ``payload`` is of the type that the channel hands over and the adapter declares. ``at`` is the instant at which it
    was composed, in UTC milliseconds.
    """

    key: str
    sender: str
    recipient: str
    payload: Any
    at: int


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
    def channel(self) -> str | None:
        """The channel that it serves, such as ``email``; None where it serves any."""
        ...

    @property
    def payload(self) -> type:
        """The type of payload that it takes; ``object`` where it takes any."""
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


class ReceiptKind(StrEnum):
    """What a provider tells of a message that it took."""

    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    OPENED = "opened"
    CLICKED = "clicked"


@dataclass(frozen=True, slots=True)
class Receipt:
    """One thing that a provider told about one message, in our words.

    ``adapter`` and ``reference``, the provider's id for the message, say which. ``at`` is when it happened, in UTC
    milliseconds. ``reason`` is a short snake_case word of ours, ``detail`` the provider's text; ``address`` is the
    recipient's where the provider names it.
    """

    adapter: str
    reference: str
    kind: ReceiptKind
    at: int
    reason: str = ""
    detail: str = ""
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Callback:
    """A provider's call, as it came over HTTP. Names of ``headers`` are in lower case."""

    headers: Mapping[str, str]
    body: bytes


class CallbackError(Exception):
    """A callback that cannot be read. Says why, without a secret and without what the body holds."""


class NotAuthentic(CallbackError):
    """A callback that is not proven to come from the provider: its signature is wrong, missing or too old."""
