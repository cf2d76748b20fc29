"""Declaring a provider, and making its adapter from the configured options."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from adapters.base import Adapter, Callback, IncomingText, Message, Receipt
from adapters.clock import Now
from adapters.reasons import AnswerReason

ReceiptParser: TypeAlias = Callable[[Any, str, Callback], Sequence[Receipt | IncomingText]]
"""Reads receipts, and what people wrote back: from the checked options, the adapter's name and a provider's call.

Raises ``CallbackError``.
"""


@dataclass(frozen=True, slots=True)
class Review:
    """How a provider would take a message, as far as its options tell without asking it.

    ``objection`` is why it would refuse the message, and what would be right; empty if it would not.
    ``depends_on_values``: with other values in the message it might not object. ``template`` is the provider's own
    template that is sent instead of the text, with ``parameters``; empty if there is none.
    """

    objection: str = ""
    depends_on_values: bool = False
    template: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)


Reviewer: TypeAlias = Callable[[Any, Message], Review]
"""Reviews a message before anything is sent: from the checked options and the message. It asks nobody."""


@dataclass(frozen=True, slots=True)
class WithClock:
    """How to make an adapter that asks for the time, because its requests are signed or its tokens expire."""

    make: Callable[[Any, str, Now], Adapter]
    """Makes the adapter from the checked options, its name, and the time."""


@dataclass(frozen=True, slots=True)
class ReceiptReply:
    """What a provider wants to read when its receipts have been stored; otherwise it repeats them."""

    body: bytes
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class AdapterKind:
    """One provider: its name in ``config.toml``, the model of its options, and how to make its adapter from them.

    ``channel`` is the channel that it serves, None if it serves any. ``receipts`` reads the provider's callbacks; None
    if there are none. ``reasons`` are the reasons of its answers and receipts. ``repeatable``: whoever gets its messages
    recognises a second copy by ``Message.key``, so that a message may be sent again if it is not known whether it was sent:
    until the message expires. A provider that remembers keys for a shorter time needs ``GivesSendKeys``.
    ``review`` tells what the provider's rules say about a message; None if there are no rules that can be known beforehand.
    ``platforms`` are those of the devices that it serves, of ``android``, ``ios``, ``web`` and ``unknown``; empty if it serves
    any, or its channel has no devices. ``listed_by`` is the command that lists its messages if it keeps them in the store;
    ``{customer}`` in it is the key of one who got one.
    """

    name: str
    options: type[BaseModel]
    make: Callable[[Any, str], Adapter] | WithClock
    """Makes the adapter from the checked options and its name, and from the time if it is ``WithClock``."""
    channel: str | None
    receipts: ReceiptParser | None = None
    reasons: tuple[AnswerReason, ...] = ()
    records_only: bool = False
    repeatable: bool = False
    review: Reviewer | None = None
    platforms: frozenset[str] = frozenset()
    listed_by: str = ""
    receipt_reply: ReceiptReply | None = None
    """The answer to calls with receipts, with status 200; None: an empty one."""


def find_kind(name: str, kinds: Sequence[AdapterKind]) -> AdapterKind:
    """Return the kind called ``name``.

    Raises:
        ValueError: there is no such kind; the error lists the known ones.
    """
    kind = next((kind for kind in kinds if kind.name == name), None)
    if kind is None:
        raise ValueError(f"there is no adapter `{name}`; known: {', '.join(sorted(kind.name for kind in kinds))}")
    return kind


def checked_options(kind: AdapterKind, options: Mapping[str, Any]) -> BaseModel:
    """Check the options of an adapter against its model.

    Raises:
        ValueError: an option is unknown or invalid; the error repeats no secrets.
    """
    try:
        return kind.options.model_validate(dict(options))
    except ValidationError as error:
        raise ValueError("; ".join(_said(kind.options, one) for one in error.errors())) from error


def make_adapter(name: str, options: Mapping[str, Any], kinds: Sequence[AdapterKind], now: Now) -> Adapter:
    """Return the adapter called ``name``, with its options checked. ``now`` tells the machine's time.

    Raises:
        ValueError: there is no such adapter, or an option is unknown or invalid; the error repeats no secrets.
    """
    kind = find_kind(name, kinds)
    checked = checked_options(kind, options)
    return kind.make.make(checked, name, now) if isinstance(kind.make, WithClock) else kind.make(checked, name)


def _said(model: type[BaseModel], mistake: ErrorDetails) -> str:
    """Describe what is wrong with one option, without its value, which may be a secret."""
    option = ".".join(map(str, mistake["loc"]))
    if mistake["type"] == "extra_forbidden":
        return f"`{option}`: unknown option; known: {', '.join(sorted(model.model_fields))}"
    return f"`{option}`: {mistake['msg']}" if option else mistake["msg"]
