"""``attribute = "city"``: an attribute of the user, built in or the brand's own."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import model_validator

from engine.content.value_types import ValueType
from engine.facts.sources.base import FactSection, FactSource, FactSourceKind, Layer, SqlContext
from engine.facts.sources.declaration import Declaration
from engine.facts.values import JsonValue
from engine.store.devices import newest_token

BUILT_IN_ATTRIBUTES: Mapping[str, ValueType] = {
    "email": ValueType.TEXT,
    "phone": ValueType.TEXT,
    "push_token": ValueType.TEXT,
    "locale": ValueType.TEXT,
    "timezone": ValueType.TEXT,
    "country": ValueType.TEXT,
    "first_seen_at": ValueType.INSTANT,
}
"""Attributes that are not in the column ``attributes`` of ``users``: columns of its own, and the token of the device that
the user was seen with last."""


class _AttributeForm(FactSection):
    attribute: str

    @model_validator(mode="after")
    def _typed(self) -> "_AttributeForm":
        if self.type is None:
            raise ValueError('a fact from an `attribute` needs a `type`, such as `type = "text"`')
        return self


@dataclass(frozen=True)
class Attribute(FactSource):
    """An attribute of the user; NULL if it does not have the declared type."""

    attribute: str

    @property
    def layer(self) -> Layer:
        """The layer of the user's row."""
        return Layer.USER

    @property
    def attributes(self) -> Mapping[str, ValueType]:
        """The attribute, unless it is built in."""
        return {} if self.attribute in BUILT_IN_ATTRIBUTES else {self.attribute: self.type}

    @property
    def copies(self) -> str:
        """The attribute."""
        return self.attribute

    def sql(self, context: SqlContext) -> str:
        """Return the attribute's value."""
        if self.attribute == "push_token":
            return newest_token("u.id")
        if self.attribute in BUILT_IN_ATTRIBUTES:
            return f"u.{self.attribute}"
        return JsonValue("u.attributes", self.attribute, self.type).sql(context.dialect)

    def words(self) -> str:
        """Return ``attribute city``."""
        return f"attribute {self.attribute}"


def _read(section: _AttributeForm, declaration: Declaration) -> FactSource | None:
    name, declared = section.attribute, section.type
    if declared is None:
        return None
    if set(name) & set("\"'\\"):
        declaration.mistake("attribute", f"`attribute`: an attribute's name cannot have quotes or backslashes: {name}")
        return None
    built_in = BUILT_IN_ATTRIBUTES.get(name)
    if built_in not in {None, declared}:
        declaration.mistake("attribute", f"`type`: the attribute `{name}` is of type {built_in}, not {declared}")
        return None
    return Attribute(declared, name)


ATTRIBUTE = FactSourceKind("attribute", _AttributeForm, _read)
