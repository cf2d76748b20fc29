"""Typing of comparisons, BETWEEN, IN and LIKE over checked operands."""

from collections.abc import Sequence
from decimal import Decimal

from sqlglot import exp

from engine.conditions.pattern import check_pattern
from engine.conditions.reading import offset_of
from engine.conditions.tree import FLIPPED, Between, Compare, Constant, Match, Member, Op, Value
from engine.conditions.types import ValueType
from engine.conditions.unify import ORDERED, NodeError, Operand, described, is_null, unify
from engine.conditions.words import words


def compare(op: Op, left: Operand, right: Operand, scale: int) -> Value:
    """Return ``left op right`` with a single constant moved to the right; two constants are compared immediately.

    Raises:
        NodeError: an operand is NULL, the types differ, or the type has no order.
    """
    _refuse_null(op, left, right)
    kind, (one, two) = unify((left, right), scale)
    if op not in {"=", "<>"}:
        _need_order(kind, left, op)
    if isinstance(one, Constant) and isinstance(two, Constant):
        holds = _compared(op, one, two)
        return Constant(holds, ValueType.BOOLEAN, str(holds).upper())
    if isinstance(one, Constant):
        return Compare(FLIPPED[op], two, one)
    return Compare(op, one, two)


def between(value: Operand, low: Operand, high: Operand, scale: int) -> Between:
    """Return ``value BETWEEN low AND high``."""
    _refuse_null("BETWEEN", value, low, high)
    kind, (one, two, three) = unify((value, low, high), scale)
    _need_order(kind, value, "BETWEEN")
    return Between(one, two, three)


def member(value: Operand, options: Sequence[Operand], scale: int) -> Value:
    """Return ``value IN (options)``; one option is an equality."""
    if not options:
        raise NodeError(value.offset, "IN needs at least one value in its parentheses")
    _refuse_null("IN", value, *options)
    _, (one, *rest) = unify((value, *options), scale)
    distinct = tuple(dict.fromkeys(rest))
    if len(distinct) == 1:
        return compare("=", value, options[0], scale)
    return Member(one, distinct)


def match(value: Operand, pattern: exp.Expr, escape: exp.Expr | None, offset: int) -> Match:
    """Return ``value LIKE pattern``; pattern and escape must be text literals."""
    if value.value.type is not ValueType.TEXT or is_null(value.value):
        raise NodeError(value.offset, f"{described(value.value)}; LIKE needs text")
    if not (isinstance(pattern, exp.Literal) and pattern.is_string):
        raise NodeError(offset_of(pattern, offset), "the pattern of LIKE must be text in single quotes")
    if escape is not None and not (isinstance(escape, exp.Literal) and escape.is_string and len(escape.this) == 1):
        raise NodeError(offset_of(escape, offset), "ESCAPE takes one character in single quotes")
    mark = None if escape is None else str(escape.this)
    try:
        check_pattern(str(pattern.this), mark)
    except ValueError as error:
        raise NodeError(offset_of(pattern, offset), str(error)) from error
    return Match(value.value, str(pattern.this), mark)


def _refuse_null(op: str, *operands: Operand) -> None:
    for operand in operands:
        if is_null(operand.value):
            other = next((words(each.value) for each in operands if not is_null(each.value)), "…")
            negation = "NOT " if op == "<>" else ""
            raise NodeError(operand.offset, f"`{op}` with NULL never holds; write {other} IS {negation}NULL")


def _need_order(kind: ValueType, operand: Operand, op: str) -> None:
    if kind not in ORDERED:
        raise NodeError(operand.offset, f"{described(operand.value)}, which has no order for `{op}`; use =, <> or IN")


def _compared(op: Op, left: Constant, right: Constant) -> bool:
    if op in {"=", "<>"}:
        return (left.value == right.value) is (op == "=")
    order = _order(left, right)
    return {"<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}[op]


def _order(left: Constant, right: Constant) -> int:
    """Return -1, 0 or 1 if ``left`` is below, equal to or above ``right``; both have the same ordered type."""
    one, two = left.value, right.value
    if isinstance(one, str) and isinstance(two, str):
        return (one > two) - (one < two)
    if isinstance(one, int | Decimal) and isinstance(two, int | Decimal):
        return (one > two) - (one < two)
    raise TypeError(f"no order between {left.type} and {right.type}")
