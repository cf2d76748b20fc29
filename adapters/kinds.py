"""What there is to know of a provider before it is used, and making its adapter from options."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from adapters.base import Adapter, Callback, Receipt
from adapters.reasons import AnswerReason

ReceiptParser: TypeAlias = Callable[[Any, str, Callback], Sequence[Receipt]]
"""From the checked options, the adapter's name and a provider's call to what it tells; raises ``CallbackError``."""


@dataclass(frozen=True, slots=True)
class AdapterKind:
    """One provider: its name in ``config.toml``, the form of its options, and how its adapter is made from them.

    ``channel`` is the one that it serves, None where it serves any. ``receipts`` reads what the provider tells
    afterwards; None where it tells nothing. ``reasons`` are the words of its answers and receipts.
    """

    name: str
    options: type[BaseModel]
    make: Callable[[Any, str], Adapter]
    """From the checked options and the adapter's name."""
    channel: str | None
    receipts: ReceiptParser | None = None
    reasons: tuple[AnswerReason, ...] = ()


def find_kind(name: str, kinds: Sequence[AdapterKind]) -> AdapterKind:
    """Return the kind called ``name``.

    Raises:
        ValueError: there is none; says which there are.
    """
    kind = next((kind for kind in kinds if kind.name == name), None)
    if kind is None:
        raise ValueError(f"there is no adapter `{name}`; known: {', '.join(sorted(kind.name for kind in kinds))}")
    return kind


def checked_options(kind: AdapterKind, options: Mapping[str, Any]) -> BaseModel:
    """Return the options of an adapter in their form.

    Raises:
        ValueError: an option is unknown or makes no sense; no secret is repeated.
    """
    try:
        return kind.options.model_validate(dict(options))
    except ValidationError as error:
        raise ValueError("; ".join(_said(kind.options, one) for one in error.errors())) from error


def make_adapter(name: str, options: Mapping[str, Any], kinds: Sequence[AdapterKind]) -> Adapter:
    """Return the adapter called ``name``, with its options checked.

    Raises:
        ValueError: there is no such adapter, or an option is unknown or makes no sense; no secret is repeated.
    """
    kind = find_kind(name, kinds)
    return kind.make(checked_options(kind, options), name)


def _said(model: type[BaseModel], mistake: ErrorDetails) -> str:
    """Say what is wrong with one option, without its value, which may be a secret."""
    option = ".".join(map(str, mistake["loc"]))
    if mistake["type"] == "extra_forbidden":
        return f"`{option}`: unknown option; known: {', '.join(sorted(model.model_fields))}"
    return f"`{option}`: {mistake['msg']}" if option else mistake["msg"]
