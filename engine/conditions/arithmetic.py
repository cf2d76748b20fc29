"""Typing of arithmetic and functions over checked operands, and exact folding of constants."""

from collections.abc import Sequence
from decimal import Decimal, localcontext
from typing import Literal

from engine.conditions.literals import number
from engine.conditions.tree import Arithmetic, Call, Constant, DaysSince, Negative, Value
from engine.conditions.types import ValueType
from engine.conditions.unify import (
    NUMBERS,
    ORDERED,
    QUANTITIES,
    NodeError,
    Operand,
    bend,
    bends,
    clash,
    described,
    is_null,
    unify,
)

Sign = Literal["+", "-", "*", "/"]
FunctionName = Literal["coalesce", "nullif", "abs", "least", "greatest", "floor", "ceil"]


def number_constant(value: Decimal, offset: int) -> Constant:
    """Return the constant of an exact ``value``.

    Raises:
        NodeError: the two databases cannot store it identically.
    """
    try:
        kept = number(value)
    except ValueError as error:
        raise NodeError(offset, str(error)) from error
    kind = ValueType.INTEGER if isinstance(kept, int) else ValueType.NUMBER
    return Constant(kept, kind, str(kept) if isinstance(kept, int) else f"{kept:f}")


def negative(operand: Operand) -> Value:
    """Return unary minus of a number or money."""
    value = operand.value
    if isinstance(value, Constant) and isinstance(value.value, int | Decimal) and value.type in NUMBERS:
        return number_constant(-Decimal(value.value), operand.offset)
    _need(operand, QUANTITIES, "a number or money")
    return Negative(value, value.type)


def arithmetic(op: Sign, left: Operand, right: Operand, scale: int) -> Value:
    """Return ``left op right`` with its type.

    Raises:
        NodeError: the operands are not quantities, or cannot be combined by ``op``.
    """
    for operand in (left, right):
        _need(operand, QUANTITIES, "a number or money")
    folded = _folded(op, left, right)
    if folded is not None:
        return folded
    if op in {"+", "-"}:
        kind, (one, two) = unify((left, right), scale)
        return Arithmetic(op, one, two, _joined(one, two, kind))
    return Arithmetic(op, left.value, right.value, _scaled(op, left, right))


def _joined(left: Value, right: Value, kind: ValueType) -> ValueType:
    return ValueType.NUMBER if ValueType.NUMBER in {left.type, right.type} else kind


def _scaled(op: Sign, left: Operand, right: Operand) -> ValueType:
    """Return the type of a product or quotient."""
    money = (left.value.type is ValueType.MONEY, right.value.type is ValueType.MONEY)
    if money == (False, False):
        return ValueType.NUMBER if op == "/" else _joined(left.value, right.value, ValueType.INTEGER)
    if op == "*" and money != (True, True):
        return ValueType.MONEY
    if op == "/" and money[0]:
        return ValueType.NUMBER if money[1] else ValueType.MONEY
    what = "money times money" if op == "*" else "a number divided by money"
    raise NodeError(left.offset, f"{what} is not possible: {clash(left.value, right.value)}")


def _folded(op: Sign, left: Operand, right: Operand) -> Constant | None:
    """Return the exact result for two literal numbers; division is left to the database."""
    one, two = left.value, right.value
    if op == "/" or not (isinstance(one, Constant) and isinstance(two, Constant)):
        return None
    if not (isinstance(one.value, int | Decimal) and isinstance(two.value, int | Decimal)):
        return None
    if not {one.type, two.type} <= NUMBERS:
        return None
    with localcontext(prec=80):
        a, b = Decimal(one.value), Decimal(two.value)
        result = a + b if op == "+" else a - b if op == "-" else a * b
        return number_constant(result, left.offset)


def _need(operand: Operand, types: frozenset[ValueType], what: str) -> None:
    if is_null(operand.value):
        raise NodeError(operand.offset, f"NULL cannot be used here: {what} is needed")
    if operand.value.type in types:
        return
    hint = "; use days_since(…)" if operand.value.type in {ValueType.INSTANT, ValueType.DATE} else ""
    raise NodeError(operand.offset, f"{described(operand.value)}, but {what} is needed{hint}")


def days_since(operand: Operand, scale: int) -> DaysSince:
    """Return ``days_since`` of an instant or a date, from a fact or a literal."""
    if isinstance(operand.value, Constant) and isinstance(operand.value.value, str) and bends(operand.value):
        return DaysSince(bend(operand, ValueType.INSTANT, scale))
    if operand.value.type not in {ValueType.INSTANT, ValueType.DATE}:
        raise NodeError(operand.offset, f"{described(operand.value)}; days_since needs an instant or a date")
    return DaysSince(operand.value)


def call(name: FunctionName, args: Sequence[Operand], scale: int) -> Value:
    """Return a typed call of an allowed function.

    Raises:
        NodeError: the arguments do not suit the function.
    """
    for arg in args:
        if is_null(arg.value):
            raise NodeError(arg.offset, f"NULL cannot be used in {name}(…)")
    if name in {"abs", "floor", "ceil"}:
        types = QUANTITIES if name == "abs" else NUMBERS
        _need(args[0], types, "a number or money" if name == "abs" else "a number")
        return Call(name, (args[0].value,), args[0].value.type)
    if len(args) < 2:
        raise NodeError(args[0].offset, f"{name}(…) needs at least two arguments")
    kind, values = unify(args, scale)
    if name in {"least", "greatest"} and kind not in ORDERED:
        raise NodeError(args[0].offset, f"{name}(…) needs numbers, money, instants or dates, not {kind.value}")
    return Call(name, values, ValueType.NUMBER if ValueType.NUMBER in {value.type for value in values} else kind)
