"""The canonical text of a checked tree, for people. It parses to the same tree again."""

from engine.conditions.tree import (
    And,
    Arithmetic,
    Between,
    Call,
    Case,
    Compare,
    Constant,
    DaysSince,
    IsNull,
    IsTruth,
    Match,
    Member,
    Negative,
    Not,
    Or,
    PlaceRef,
    PlaceTest,
    Ref,
    Value,
)
from engine.conditions.types import ValueType
from engine.store.statement import quoted

_CLOSED = Constant | Ref | Call | DaysSince | Case | PlaceRef
"""Nodes that need no parentheses as operands."""


def words(node: Value) -> str:
    """Return the canonical text of ``node``."""
    match node:
        case Constant():
            return node.shown
        case Ref() | PlaceRef():
            return node.name
        case Arithmetic():
            return f"{_operand(node.left)} {node.op} {_operand(node.right)}"
        case Negative():
            return f"-{_operand(node.value)}"
        case Call():
            return f"{node.function}({', '.join(words(arg) for arg in node.args)})"
        case DaysSince():
            return f"days_since({words(node.value)})"
        case Case():
            branches = " ".join(f"WHEN {words(when)} THEN {words(then)}" for when, then in node.branches)
            return f"CASE {branches} ELSE {words(node.default)} END"
        case Not():
            return _negated(node.value)
        case And() | Or():
            joint = " AND " if isinstance(node, And) else " OR "
            return joint.join(f"({words(part)})" if isinstance(part, And | Or) else words(part) for part in node.parts)
        case _:
            return _test(node, "")


def _negated(node: Value) -> str:
    if isinstance(node, Between | Member | Match | IsNull | IsTruth | PlaceTest):
        return _test(node, "NOT ")
    return f"NOT {_operand(node)}"


def _test(node: Value, negation: str) -> str:
    match node:
        case Compare():
            return f"{_operand(node.left)} {node.op} {_operand(node.right)}"
        case Between():
            return f"{_operand(node.value)} {negation}BETWEEN {_operand(node.low)} AND {_operand(node.high)}"
        case Member():
            return f"{_operand(node.value)} {negation}IN ({', '.join(words(option) for option in node.options)})"
        case Match():
            escape = f" ESCAPE {quoted(node.escape)}" if node.escape else ""
            return f"{_operand(node.value)} {negation}LIKE {quoted(node.pattern)}{escape}"
        case IsNull():
            return f"{_operand(node.value)} IS {negation}NULL"
        case IsTruth():
            return f"{_operand(node.value)} IS {negation}{'TRUE' if node.truth else 'FALSE'}"
        case PlaceTest():
            return _place_test(node, negation)
        case _:
            raise TypeError(f"no test: {type(node).__name__}")


def _place_test(node: PlaceTest, negation: str) -> str:
    if len(node.places) == 1:
        return f"{node.name} {'<>' if negation else '='} {quoted(node.places[0])}"
    return f"{node.name} {negation}IN ({', '.join(quoted(place) for place in node.places)})"


def _operand(node: Value) -> str:
    negative = isinstance(node, Constant) and node.type is not ValueType.TEXT and node.shown.startswith("-")
    return words(node) if isinstance(node, _CLOSED) and not negative else f"({words(node)})"
