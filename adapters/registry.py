"""The adapters that ship with the program, by the names that ``config.toml`` uses, and making one from its options."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from adapters.base import Adapter
from adapters.capture import CaptureAdapter, CaptureOptions
from adapters.smtp import SmtpAdapter
from adapters.smtp_options import SmtpOptions


@dataclass(frozen=True, slots=True)
class AdapterKind:
    """One provider: its name in ``config.toml``, the form of its options, and how it is made from them."""

    name: str
    options: type[BaseModel]
    make: Callable[[Any, str], Adapter]
    """From the checked options and the adapter's name."""


ADAPTERS: tuple[AdapterKind, ...] = (
    AdapterKind("capture", CaptureOptions, CaptureAdapter),
    AdapterKind("smtp", SmtpOptions, SmtpAdapter),
)


def make_adapter(name: str, options: Mapping[str, Any], kinds: Sequence[AdapterKind] = ADAPTERS) -> Adapter:
    """Return the adapter called ``name``, with its options checked.

    Raises:
        ValueError: there is no such adapter, or an option is unknown or makes no sense; no secret is repeated.
    """
    kind = next((kind for kind in kinds if kind.name == name), None)
    if kind is None:
        raise ValueError(f"there is no adapter `{name}`; known: {', '.join(sorted(kind.name for kind in kinds))}")
    try:
        checked = kind.options.model_validate(dict(options))
    except ValidationError as error:
        raise ValueError("; ".join(_said(kind.options, one) for one in error.errors())) from error
    return kind.make(checked, name)


def _said(model: type[BaseModel], mistake: ErrorDetails) -> str:
    """Say what is wrong with one option, without its value, which may be a secret."""
    option = ".".join(map(str, mistake["loc"]))
    if mistake["type"] == "extra_forbidden":
        return f"`{option}`: unknown option; known: {', '.join(sorted(model.model_fields))}"
    return f"`{option}`: {mistake['msg']}" if option else mistake["msg"]
