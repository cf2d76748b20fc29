"""Facts after reading and checking ``rules/facts.toml``, as the rest of the engine uses them."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.conditions import Name, Scope
from engine.content.declared import Declared
from engine.content.value_types import ValueType
from engine.facts.sources.base import FactSource, FactSourceKind
from engine.facts.values import event_scope
from engine.store.state_table import StateColumn


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact, checked."""

    name: str
    kind: FactSourceKind
    source: FactSource
    description: str = ""

    @property
    def type(self) -> ValueType:
        """The type of its values."""
        return self.source.type

    @property
    def column(self) -> str:
        """Its column of ``user_state``."""
        return f"fact_{self.name}"

    @property
    def state_column(self) -> StateColumn:
        """Its column of ``user_state`` with its SQL type."""
        return StateColumn(self.column, self.source.sql_type)


@dataclass(frozen=True)
class FactCatalog:
    """All declared events and facts."""

    events: Mapping[str, Mapping[str, ValueType]]
    """Event -> property -> type."""
    facts: Mapping[str, Fact]
    """In dependency order: a fact comes after those from which it is computed."""
    currency_scale: int
    """Minor units in one unit of the currency."""
    broken: frozenset[str] = frozenset()
    """Facts that are declared with errors; their uses are not reported again."""
    broken_events: frozenset[str] = frozenset()
    """Events that are declared with errors."""

    def names(self) -> Mapping[str, Name]:
        """Return the facts as names of conditions over ``user_state s``."""
        return {
            fact.name: Name(fact.type, f"s.{fact.column}", sources=fact.source.events | fact.source.needs)
            for fact in self.facts.values()
        }

    def columns(self) -> tuple[StateColumn, ...]:
        """Return the columns of ``user_state`` that the facts need."""
        return tuple(fact.state_column for fact in self.facts.values())

    def declared(self) -> Declared:
        """Return the types that intake needs: those of event properties and of the attributes that facts read."""
        attributes = {name: kind for fact in self.facts.values() for name, kind in fact.source.attributes.items()}
        return Declared(self.events, attributes, self.currency_scale)

    def event_scope(self, event: str) -> Scope:
        """Return the scope of conditions over the properties of one event, ``event e``; empty if it is not declared."""
        return event_scope(self.events, event, self.currency_scale)

    def by_kind(self) -> Mapping[FactSourceKind, Mapping[str, FactSource]]:
        """Return the sources of each kind, by the names of their facts."""
        found: dict[FactSourceKind, dict[str, FactSource]] = {}
        for fact in self.facts.values():
            found.setdefault(fact.kind, {})[fact.name] = fact.source
        return found

    def level(self, fact: Fact) -> int:
        """Return 0 for a fact that needs no others, otherwise one more than the highest level that it needs."""
        needs = fact.source.needs
        return 1 + max(self.level(self.facts[name]) for name in needs) if needs else 0
