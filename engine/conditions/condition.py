"""Conditions and expressions, as the rest of the engine uses them after a text was parsed and checked."""

from dataclasses import dataclass

from engine.conditions.checking import check
from engine.conditions.errors import ConditionErrors, located
from engine.conditions.nnf import Formula, normal_form
from engine.conditions.reading import read
from engine.conditions.sql import TooLong, to_sql
from engine.conditions.tree import Value, is_whole, names_of
from engine.conditions.turning import TurningPoint, turning_points
from engine.conditions.types import Scope, ValueType
from engine.conditions.words import words
from engine.store.dialects import DIALECTS, Dialect


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression. Expressions are compared by meaning, not by spelling."""

    node: Value

    @property
    def text(self) -> str:
        """Return the canonical text."""
        return words(self.node)

    @property
    def type(self) -> ValueType:
        """Return the type of the result."""
        return self.node.type

    @property
    def whole(self) -> bool:
        """Tell whether the result can only be an integer; money may have a fraction of its minor unit."""
        return is_whole(self.node)

    @property
    def names(self) -> frozenset[str]:
        """Return the facts and dimensions that it reads."""
        return names_of(self.node)

    def sql(self, dialect: Dialect) -> str:
        """Return SQL for the value, which can be NULL; ``:now`` (UTC milliseconds) is its only bind."""
        return to_sql(self.node, dialect)

    def turning_points(self) -> tuple[TurningPoint, ...]:
        """Return when time alone can change the value."""
        return turning_points(self.node)


@dataclass(frozen=True, slots=True)
class Condition(Expression):
    """A checked boolean expression. If it is NULL, it does not hold."""

    def holds_sql(self, dialect: Dialect, joined: str = "TRUE") -> str:
        """Return SQL that is TRUE if the condition holds, else FALSE, never NULL; it can be used in WHERE.

        ``joined`` is SQL over the tables of a join. The condition is evaluated only on rows for which it holds: a
        planner is free to filter a table before it joins it, and would stumble over bad values of quite different rows.
        """
        holds = f"coalesce({self.sql(dialect)}, FALSE)"
        return holds if joined == "TRUE" else f"CASE WHEN {joined} THEN {holds} ELSE FALSE END"

    def holds_for_sql(self, dialect: Dialect, user: str) -> str:
        """Return SQL: the condition holds for the user whose id is the SQL ``user``."""
        joined = f"s.user_id = {user}"
        return f"EXISTS (SELECT 1 FROM user_state AS s WHERE {joined} AND {self.holds_sql(dialect, joined)})"

    def nnf(self) -> Formula:
        """Return the condition in negation normal form."""
        return normal_form(self.node)


def parse_condition(text: str, scope: Scope) -> Condition:
    """Parse a condition over the names in ``scope``.

    Raises:
        ConditionErrors: every mistake found, each with its position in ``text``.
    """
    return Condition(_checked(text, scope, condition=True))


def parse_expression(text: str, scope: Scope) -> Expression:
    """Parse an expression over the names in ``scope``; ``.type`` is its type.

    Raises:
        ConditionErrors: every mistake found, each with its position in ``text``.
    """
    return Expression(_checked(text, scope, condition=False))


def _checked(text: str, scope: Scope, *, condition: bool) -> Value:
    node = check(text, read(text), scope, condition=condition)
    try:
        for dialect in DIALECTS:
            to_sql(node, dialect)
    except TooLong as error:
        raise ConditionErrors([located(text, 0, str(error))]) from error
    return node
