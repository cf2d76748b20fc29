"""Finding a common type for operands: constants are converted to it, facts are not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from engine.conditions.literals import date_of, instant_of, minor_units
from engine.conditions.tree import Case, Constant, Value
from engine.conditions.types import ValueType
from engine.conditions.words import words

NUMBERS = frozenset({ValueType.INTEGER, ValueType.NUMBER})
QUANTITIES = NUMBERS | {ValueType.MONEY}
ORDERED = QUANTITIES | {ValueType.INSTANT, ValueType.DATE}


class NodeError(Exception):
    """A node of the condition is invalid; ``offset`` is its position in the text."""

    def __init__(self, offset: int, message: str) -> None:
        self.offset = offset
        super().__init__(message)


class CascadingError(NodeError):
    """A node cannot be checked because of a mistake that is reported elsewhere."""


@dataclass(frozen=True, slots=True)
class Operand:
    """A checked value and its position in the text."""

    value: Value
    offset: int


def bends(value: Value) -> bool:
    """Tell whether ``value`` consists of constants, which take the type of the other operand."""
    if isinstance(value, Constant):
        return value.value is None or (not isinstance(value.value, bool) and value.type in NUMBERS | {ValueType.TEXT})
    if isinstance(value, Case):
        return all(bends(result) for _, result in value.branches) and bends(value.default)
    return False


def is_null(value: Value) -> bool:
    """Tell whether ``value`` is the literal NULL."""
    return isinstance(value, Constant) and value.value is None


def unify(operands: Sequence[Operand], scale: int) -> tuple[ValueType, tuple[Value, ...]]:
    """Return the common type of ``operands``, and the operands with their constants converted to it.

    Raises:
        NodeError: they have no common type, or a constant does not fit.
    """
    common = _common(operands)
    return common, tuple(bend(operand, common, scale) for operand in operands)


def _common(operands: Sequence[Operand]) -> ValueType:
    known = [operand for operand in operands if not is_null(operand.value)]
    fixed = [operand for operand in known if not bends(operand.value)] or known
    common = fixed[0]
    for other in fixed[1:]:
        if other.value.type in NUMBERS and common.value.type in NUMBERS:
            common = other if other.value.type is ValueType.NUMBER else common
        elif other.value.type is not common.value.type:
            raise NodeError(other.offset, clash(common.value, other.value))
    return common.value.type


def clash(left: Value, right: Value) -> str:
    """Return the message for two operands with incompatible types."""
    message = f"{described(left)} and {described(right)}, which cannot be compared or combined"
    if ValueType.BOOLEAN in {left.type, right.type}:
        return message + "; write a boolean alone, or with NOT"
    if {left.type, right.type} == {ValueType.INSTANT, ValueType.DATE}:
        return message + "; use days_since(…) on both"
    return message


def described(value: Value) -> str:
    """Return a value's text and type, for a message."""
    article = "an " if value.type in {ValueType.INTEGER, ValueType.INSTANT} else "a "
    bare = value.type in {ValueType.MONEY, ValueType.TEXT}
    return f"`{words(value)}` is {'' if bare else article}{value.type.value}"


def bend(operand: Operand, to: ValueType, scale: int) -> Value:
    """Return the operand converted to the type ``to``; an integer counts as a number unchanged.

    Raises:
        NodeError: the operand has another type, or its constant does not fit.
    """
    value = operand.value
    if isinstance(value, Case) and bends(value):
        branches = tuple((when, bend(replace(operand, value=then), to, scale)) for when, then in value.branches)
        return replace(
            value, branches=branches, default=bend(replace(operand, value=value.default), to, scale), type=to
        )
    if isinstance(value, Constant) and bends(value):
        try:
            return _constant(value, to, scale)
        except ValueError as error:
            raise NodeError(operand.offset, str(error)) from error
    if value.type is to or (value.type in NUMBERS and to in NUMBERS):
        return value
    raise NodeError(operand.offset, f"{described(value)}, but type {to.value} is needed")


def _constant(constant: Constant, to: ValueType, scale: int) -> Constant:
    """Return ``constant`` as the database stores a value of type ``to``; raise ValueError if it does not fit."""
    value = constant.value
    if value is None:
        return replace(constant, type=to)
    if isinstance(value, str):
        if to is ValueType.INSTANT:
            return replace(constant, value=instant_of(value), type=to)
        if to is ValueType.DATE:
            return replace(constant, value=date_of(value), type=to)
        if to is ValueType.TEXT:
            return constant
    elif isinstance(value, int | Decimal):
        if to in NUMBERS:
            return constant
        if to is ValueType.MONEY:
            return replace(constant, value=minor_units(value, scale), type=to)
    raise ValueError(f"{described(constant)}, but type {to.value} is needed" + _hint(constant, to))


def _hint(constant: Constant, to: ValueType) -> str:
    if to is ValueType.TEXT:
        return f"; write '{constant.shown}'"
    if to is ValueType.BOOLEAN:
        return "; write a boolean alone, or with NOT"
    if isinstance(constant.value, str) and to in QUANTITIES:
        return "; write a number without quotes"
    if to in {ValueType.INSTANT, ValueType.DATE}:
        return "; write '2026-01-31'"
    return ""
