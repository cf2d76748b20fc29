"""The adapters that ship with the program, by the names that ``config.toml`` uses."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from adapters.base import Adapter
from adapters.capture import CaptureAdapter, CaptureOptions
from adapters.smtp import SmtpAdapter
from adapters.smtp_options import SmtpOptions

_KNOWN: Mapping[str, tuple[type[BaseModel], Callable[[Any, str], Adapter]]] = {
    "capture": (CaptureOptions, CaptureAdapter),
    "smtp": (SmtpOptions, SmtpAdapter),
}


def make_adapter(name: str, options: Mapping[str, Any]) -> Adapter:
    """Return the adapter called ``name``, with its options checked.

    Raises:
        ValueError: there is no such adapter, or an option is unknown or makes no sense; no secret is repeated.
    """
    if name not in _KNOWN:
        raise ValueError(f"there is no adapter `{name}`; known: {', '.join(sorted(_KNOWN))}")
    model, make = _KNOWN[name]
    try:
        checked = model.model_validate(dict(options))
    except ValidationError as error:
        raise ValueError("; ".join(_said(model, one) for one in error.errors())) from error
    return make(checked, name)


def _said(model: type[BaseModel], mistake: ErrorDetails) -> str:
    """Say what is wrong with one option, without its value, which may be a secret."""
    option = ".".join(map(str, mistake["loc"]))
    if mistake["type"] == "extra_forbidden":
        return f"`{option}`: unknown option; known: {', '.join(sorted(model.model_fields))}"
    return f"`{option}`: {mistake['msg']}" if option else mistake["msg"]
