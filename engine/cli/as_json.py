"""Read models as JSON: field names are the keys, instants are ISO 8601 in UTC."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

from engine.clock import NEVER, Instant, iso


def as_json(model: Any) -> dict[str, Any]:  # noqa: ANN401 - any frozen dataclass
    """Return a read model as a dict for ``print_json``; an instant that never comes is None."""
    instants = _instants(type(model))
    return {one.name: _value(getattr(model, one.name), is_instant=one.name in instants) for one in fields(model)}


def _value(value: Any, *, is_instant: bool = False) -> Any:  # noqa: ANN401 - a field of any type
    if is_instant and value is not None:
        return iso(value) if value < NEVER else None
    if is_dataclass(value):
        return as_json(value)
    if isinstance(value, tuple):
        return [_value(one) for one in value]
    if isinstance(value, Mapping):
        return {key: _value(one) for key, one in value.items()}
    return value


def _instants(kind: type) -> frozenset[str]:
    """Return the names of the fields that are declared as instants."""
    hints = get_type_hints(kind)
    return frozenset(name for name, hint in hints.items() if hint is Instant or Instant in get_args(hint))
