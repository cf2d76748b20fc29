"""The condition language: SQL boolean expressions over facts and placements, checked and compiled for two databases."""

from engine.conditions.condition import Condition, Expression, parse_condition, parse_expression
from engine.conditions.errors import ConditionError, ConditionErrors
from engine.conditions.nnf import All, Any, Atom, Formula, Known, all_of, any_of, atoms_of, holds
from engine.conditions.turning import TurningPoint, earliest_sql
from engine.conditions.types import Name, PlaceType, Scope, ValueType

__all__ = [
    "All",
    "Any",
    "Atom",
    "Condition",
    "ConditionError",
    "ConditionErrors",
    "Expression",
    "Formula",
    "Known",
    "Name",
    "PlaceType",
    "Scope",
    "TurningPoint",
    "ValueType",
    "all_of",
    "any_of",
    "atoms_of",
    "earliest_sql",
    "holds",
    "parse_condition",
    "parse_expression",
]
