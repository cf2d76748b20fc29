"""The form of ``rules/facts.toml``: events with their properties, and facts, with a form for each kind."""

from collections.abc import Mapping, Sequence
from functools import cache
from types import GenericAlias
from typing import Any

from pydantic import create_model

from engine.content.document import Section
from engine.content.value_types import ValueType
from engine.content.values import Name
from engine.facts.sources.base import FactSourceKind

EventTypes = dict[Name, ValueType]
"""An event's declared properties and their types."""


class FactsFile(Section):
    """``rules/facts.toml``."""

    events: dict[Name, EventTypes] = {}
    facts: dict[Name, dict[str, Any]] = {}


@cache
def facts_of(kind: FactSourceKind) -> type[Section]:
    """Return the form of a file whose facts are all of one kind: ``facts`` is name -> section.

    It is created once for each kind, because creating a model takes far longer than using it.
    """
    facts: Any = GenericAlias(dict, (Name, kind.form))
    return create_model("FactsFile", __base__=Section, facts=(facts, {}))


def keys_of(kind: FactSourceKind) -> list[str]:
    """Return the keys that a fact of this kind can have."""
    return [field.alias or name for name, field in kind.form.model_fields.items()]


def kinds_given(fact: Mapping[str, Any], kinds: Sequence[FactSourceKind]) -> list[FactSourceKind]:
    """Return the kinds whose keys are in a fact's table; a valid table has exactly one."""
    return [kind for kind in kinds if kind.name in fact]
