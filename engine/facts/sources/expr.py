"""``expr = "orders / 12"``: computed from other facts and, if it uses ``days_since``, from the current time."""

import re
from dataclasses import dataclass

from engine.conditions import Expression, TurningPoint
from engine.content.value_types import ValueType
from engine.facts.sources.base import FactSection, FactSource, FactSourceKind, Layer, SqlContext
from engine.facts.sources.declaration import Declaration
from engine.store.dialects.expressions import EXACT
from engine.store.state_table import SqlType

_QUOTED = re.compile(r"'(?:[^']|'')*'")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class _ExprForm(FactSection):
    expr: str


@dataclass(frozen=True)
class Computed(FactSource):
    """The value of an expression over other facts."""

    expression: Expression

    @property
    def layer(self) -> Layer:
        """The layer of facts computed from other facts."""
        return Layer.FACTS

    @property
    def sql_type(self) -> SqlType:
        """The SQL type of the expression; a double for money, which can have fractions here."""
        return "DOUBLE PRECISION" if self.type is ValueType.MONEY else super().sql_type

    @property
    def needs(self) -> frozenset[str]:
        """The facts in the expression."""
        return self.expression.names

    @property
    def turning_points(self) -> tuple[TurningPoint, ...]:
        """The expression's turning points."""
        return self.expression.turning_points()

    def sql(self, context: SqlContext) -> str:
        """Return the expression's value; NULL if a whole number is too large for some database to store exactly."""
        value = self.expression.sql(context.dialect)
        if self.type is ValueType.INTEGER:
            return f"(CASE WHEN {value} BETWEEN -{EXACT} AND {EXACT} THEN CAST({value} AS BIGINT) END)"
        return f"CAST({value} AS {self.sql_type})"

    def words(self) -> str:
        """Return the expression."""
        return self.expression.text


def _read(section: _ExprForm, declaration: Declaration) -> FactSource | None:
    expression = declaration.expression("expr", section.expr)
    return None if expression is None else Computed(expression.type, expression)


def _mentions(section: _ExprForm) -> frozenset[str]:
    """Return the expression's words, because parsing it requires the types of the facts in it."""
    return frozenset(_WORD.findall(_QUOTED.sub("", section.expr)))


EXPR = FactSourceKind("expr", _ExprForm, _read, _mentions)
