"""Facts after they were read and checked: what the rest of the engine holds of ``rules/facts.toml``."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.conditions import Condition, Expression, Name, Scope
from engine.content.kinds import FactType
from engine.facts.files import BUILT_IN_ATTRIBUTES, FactSection
from engine.facts.values import property_name
from engine.intake.declared import Declared
from engine.store.dialect import Dialect
from engine.store.state_table import SqlType, StateColumn

_SQL_TYPES: dict[FactType, SqlType] = {
    FactType.INTEGER: "BIGINT",
    FactType.NUMBER: "DOUBLE PRECISION",
    FactType.MONEY: "BIGINT",
    FactType.TEXT: "TEXT",
    FactType.BOOLEAN: "BOOLEAN",
    FactType.INSTANT: "BIGINT",
    FactType.DATE: "TEXT",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact, checked. Money that is averaged or computed has fractions of the minor unit, all other is whole."""

    name: str
    type: FactType
    section: FactSection
    event: str | None = None
    """Of an aggregate: the event it is made of."""
    of: str | None = None
    """Of an aggregate: the event's property that it is made of, None where the event alone counts."""
    where: Condition | None = None
    expression: Expression | None = None

    @property
    def source(self) -> str:
        """Which of the sources it has: ``count``, ``sum``, ``attribute``, ``expr``, …."""
        return self.section.source

    @property
    def column(self) -> str:
        """Its column of ``user_state``."""
        return f"fact_{self.name}"

    @property
    def state_column(self) -> StateColumn:
        """Its column of ``user_state`` with its SQL type."""
        fractional = self.type is FactType.MONEY and self.source in {"average", "expr"}
        return StateColumn(self.column, "DOUBLE PRECISION" if fractional else _SQL_TYPES[self.type])

    @property
    def needs(self) -> frozenset[str]:
        """The facts that it is computed from."""
        if self.expression is not None:
            return self.expression.names
        return frozenset({self.section.quantile} if self.section.quantile else ())


@dataclass(frozen=True)
class FactCatalog:
    """All declared events and facts."""

    events: Mapping[str, Mapping[str, FactType]]
    """Event -> property -> type."""
    facts: Mapping[str, Fact]
    """In dependency order: a fact stands after those that it is computed from."""
    currency_scale: int
    """Minor units in one unit of the currency."""
    broken: frozenset[str] = frozenset()
    """Facts that are declared but have errors; a second message for each use of them would help nobody."""
    broken_events: frozenset[str] = frozenset()
    """The same of events."""

    def names(self) -> Mapping[str, Name]:
        """Return the facts as names of conditions over ``user_state s``."""
        return {
            fact.name: Name(
                fact.type, f"s.{fact.column}", sources=frozenset({fact.event} if fact.event else fact.needs)
            )
            for fact in self.facts.values()
        }

    def columns(self) -> tuple[StateColumn, ...]:
        """Return the columns of ``user_state`` that the facts need."""
        return tuple(fact.state_column for fact in self.facts.values())

    def declared(self) -> Declared:
        """Return what intake has to know: types of event properties and of the attributes that facts read."""
        attributes = {
            fact.section.attribute: fact.type
            for fact in self.facts.values()
            if fact.section.attribute is not None and fact.section.attribute not in BUILT_IN_ATTRIBUTES
        }
        return Declared(self.events, attributes, self.currency_scale)

    def event_scope(self, event: str) -> Scope:
        """Return the scope of conditions over the properties of one event, ``event e``; empty if it is not declared."""
        properties = self.events.get(event, {})
        names = {key: property_name(event, key, kind) for key, kind in properties.items()}
        return Scope(names, self.currency_scale, "property")

    def level(self, fact: Fact) -> int:
        """Return 0 for a fact that needs no other, otherwise one more than the highest that it needs."""
        return 1 + max(self.level(self.facts[name]) for name in fact.needs) if fact.needs else 0

    def property_sql(self, fact: Fact, dialect: Dialect) -> str:
        """Return SQL over ``event e`` for the property that ``fact`` is an aggregate of.

        Raises:
            KeyError: it is none of a property.
        """
        return self.event_scope(str(fact.event)).names[str(fact.of)].sql(dialect)
