"""The port between delivery and the providers.

An adapter knows its provider and nothing else: no tables, no rules, no retries. It classifies the provider's answer;
one stage of the engine decides what follows from it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Any, Protocol, Self, TypeAlias, runtime_checkable


class Outcome(StrEnum):
    """The result of one hand-off."""

    ACCEPTED = "accepted"
    """The provider accepted the message."""
    RETRY = "retry"
    """Try this message again later (of SMTP, 4xx; a time-out before the message was complete)."""
    REJECTED = "rejected"
    """This message or recipient is refused for good (of SMTP, 5xx on recipient or content)."""
    SENDING_REFUSED = "sending_refused"
    """The provider refuses to send for us (blocked address, quota, relaying), as far as one message can tell: delivery
    believes it once independent messages were refused."""
    ADAPTER_DOWN = "adapter_down"
    """No message could be offered: the provider or its configuration is at fault (refused connection, wrong password)."""
    UNKNOWN = "unknown"
    """The connection broke after the message was complete and before the answer: it may have been accepted."""


@dataclass(frozen=True, slots=True)
class EmailPayload:
    """An email: ``mime`` is the complete RFC 5322 message, with CRLF line ends."""

    mime: bytes


@dataclass(frozen=True, slots=True)
class SmsPayload:
    """A text message. ``segments`` is into how many the network splits it; 0 if they were not counted."""

    text: str
    segments: int = 0


@dataclass(frozen=True, slots=True)
class PushPayload:
    """A push notification. ``image`` and ``link`` are URLs or empty; ``data`` is for the app and is not shown."""

    title: str
    body: str
    image: str = ""
    link: str = ""
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WebhookPayload:
    """An event for the brand's own systems: its name, such as ``tier.reached``, and the JSON object that goes with it."""

    event: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InboxPayload:
    """A message that the brand's own app shows. ``image`` and ``link`` are URLs or empty; ``data`` is for the app.

    ``lasts`` is how long it is to be shown, in milliseconds; None if the channel's default applies.
    """

    title: str
    body: str
    link: str = ""
    image: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    lasts: int | None = None


@dataclass(frozen=True, slots=True)
class TaskPayload:
    """Something that one of the brand's people is to do for a customer: in one line, and in detail.

    ``lasts`` is how long they have, in milliseconds; None if the settings say it.
    """

    title: str
    body: str
    lasts: int | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message, ready to be sent.

    ``key`` is the idempotency key, the same on every attempt. ``sender`` is the brand's email address; adapters for
    other channels may have a sender among their options. ``recipient`` is the address in the form to send to.
    ``payload`` has the type that the channel produces and the adapter declares. ``at`` is the instant at which the
    message was composed, in UTC milliseconds. ``template`` and ``locale`` are those that were rendered. ``send_key`` is
    the key that the provider gave for it (see ``GivesSendKeys``), ``key`` itself if the adapter's kind is ``repeatable``, else
    empty.
    """

    key: str
    sender: str
    recipient: str
    payload: Any
    at: int
    template: str = ""
    locale: str = ""
    send_key: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The provider's answer to one message.

    ``reason`` is a short snake_case word of ours, stable for the log and for reports. ``detail`` is the provider's
    text, shortened and free of secrets and addresses. ``reference`` is the provider's id for the message.
    ``gone``: the address does not exist any more, so that nothing more is to be sent there.
    """

    outcome: Outcome
    reason: str = ""
    detail: str = ""
    reference: str = ""
    gone: bool = False


class Adapter(Protocol):
    """A provider's implementation of a channel. Opened once, used by many tasks of one event loop, closed once."""

    @property
    def name(self) -> str:
        """The adapter's name in ``config.toml`` and in the action log."""
        ...

    @property
    def channel(self) -> str | None:
        """The channel that it serves, such as ``email``; None if it serves any."""
        ...

    @property
    def payload(self) -> type:
        """The type of payload that it accepts; ``object`` if it accepts any."""
        ...

    @property
    def concurrency(self) -> int:
        """How many hand-offs it can handle at once; delivery starts no more."""
        ...

    async def __aenter__(self) -> Self:
        """Open the adapter. A provider that cannot be reached is not an error here; ``send`` reports it."""
        ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections in an orderly way."""
        ...

    async def send(self, message: Message) -> Answer:
        """Hand over one message and classify the answer. Nothing that the provider does raises an exception."""
        ...


Departing: TypeAlias = Callable[[], None]
"""What an adapter calls just before its provider can have the complete message."""


def nobody_asks() -> None:
    """Take no notice of a departure."""


@runtime_checkable
class TellsDeparture(Protocol):
    """What an adapter can have besides: it tells when a message can no longer be kept back.

    If the worker dies, or the time is up, before that, the message is sent again without any doubt. Of an adapter that
    does not tell, every call that has begun counts as one that may have sent its message.
    """

    async def send_telling(self, message: Message, departing: Departing) -> Answer:
        """Do the same as ``send``; call ``departing`` just before the provider can have the complete message.

        If it raises ``TimeoutError``, it is too late: the message must not be completed.
        """
        ...


@runtime_checkable
class GivesSendKeys(Protocol):
    """What an adapter can have besides: keys from its provider, by which the provider recognises a second copy.

    Delivery stores a key with each message before the hand-off and passes it in ``Message.send_key``, the same on every
    attempt while it is valid. So a message that may have been sent can be sent again at once, and nobody gets it twice.
    """

    @property
    def send_key_lifetime(self) -> int:
        """How long a key is valid after ``send_keys`` was called, in milliseconds; a little less than the provider says."""
        ...

    async def send_keys(self, count: int) -> Sequence[str] | Answer:
        """Return ``count`` new keys; if there are none, the answer that says why. Nothing raises an exception.

        An adapter whose provider recognises any key for a while makes them up.
        """
        ...


class ReceiptKind(StrEnum):
    """What a provider reports about a message that it has accepted."""

    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    OPENED = "opened"
    CLICKED = "clicked"


@dataclass(frozen=True, slots=True)
class Receipt:
    """One report from a provider about one message, in our terms.

    ``adapter`` and ``reference``, the provider's id for the message, identify the message. So does ``key``, the message's
    own key, if the provider repeats it: it finds a message whose answer never came. ``at`` is when it happened,
    in UTC milliseconds. ``reason`` is a short snake_case word of ours, ``detail`` the provider's text. There is no
    address, because forwarding changes it and complaints omit it: it neither identifies a message nor rules one out.
    ``gone``: the address that it was sent to does not exist any more, so that nothing more is to be sent there.
    """

    adapter: str
    reference: str
    kind: ReceiptKind
    at: int
    reason: str = ""
    detail: str = ""
    gone: bool = False
    key: str = ""


@dataclass(frozen=True, slots=True)
class IncomingText:
    """What a person wrote back to us, such as STOP in reply to a text message.

    ``address`` is the person's, as the provider gives it; ``reference`` the provider's id for it, by which a repetition
    is recognised. ``at`` is when it arrived at the provider, in UTC milliseconds.
    """

    adapter: str
    address: str = field(repr=False)
    text: str = field(repr=False)
    at: int
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Callback:
    """A provider's HTTP call. Names of ``headers`` are in lower case; ``url`` is the one that the provider called.

    ``at`` is when it arrived, in UTC milliseconds.
    """

    headers: Mapping[str, str]
    body: bytes
    url: str = ""
    at: int = 0


class CallbackError(Exception):
    """A callback that cannot be read. Says why, without secrets and without quoting the body."""


class NotAuthentic(CallbackError):
    """A callback that may not come from the provider: its signature is wrong, missing or too old."""
