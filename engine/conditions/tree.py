"""The checked tree of a condition: typed, canonical, hashable. SQL, text, atoms and turning points derive from it.

Every node is a value, so equal conditions are equal trees. ``Not`` is the only negation: ``x IS NOT NULL`` is
``Not(IsNull(x))``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from engine.conditions.types import Name, ValueType

Op = Literal["=", "<>", "<", "<=", ">", ">="]
OPPOSITE: dict[Op, Op] = {"=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
"""Comparison -> the one that is true exactly when it is false; both are NULL on NULL."""
FLIPPED: dict[Op, Op] = {"=": "=", "<>": "<>", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
"""Comparison -> the same one with its sides exchanged."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal value, as the database stores it: instants in ms, money in minor units.

    ``shown`` is its original spelling, for people; comparisons of nodes ignore it.
    """

    value: int | Decimal | str | bool | None
    type: ValueType
    shown: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class Ref:
    """A fact's value."""

    name: str
    type: ValueType
    source: Name


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """``left op right``; ``/`` is real division, NULL by zero."""

    op: Literal["+", "-", "*", "/"]
    left: "Value"
    right: "Value"
    type: ValueType


@dataclass(frozen=True, slots=True)
class Negative:
    """Unary minus."""

    value: "Value"
    type: ValueType


@dataclass(frozen=True, slots=True)
class Call:
    """An allowed function other than ``days_since``."""

    function: Literal["coalesce", "nullif", "abs", "least", "greatest", "floor", "ceil"]
    args: tuple["Value", ...]
    type: ValueType


@dataclass(frozen=True, slots=True)
class DaysSince:
    """Whole 24-hour days from an instant, or from midnight UTC of a date, to now; negative for the future."""

    value: "Value"
    type: ValueType = ValueType.INTEGER


@dataclass(frozen=True, slots=True)
class Case:
    """``CASE WHEN … THEN … ELSE … END``; without ELSE the default is NULL."""

    branches: tuple[tuple["Value", "Value"], ...]
    default: "Value"
    type: ValueType


@dataclass(frozen=True, slots=True)
class Compare:
    """A comparison; if one side is a constant, it is on the right."""

    op: Op
    left: "Value"
    right: "Value"
    type: ValueType = ValueType.BOOLEAN


@dataclass(frozen=True, slots=True)
class Between:
    """``value BETWEEN low AND high``, both ends included."""

    value: "Value"
    low: "Value"
    high: "Value"
    type: ValueType = ValueType.BOOLEAN


@dataclass(frozen=True, slots=True)
class Member:
    """``value IN (options)``."""

    value: "Value"
    options: tuple["Value", ...]
    type: ValueType = ValueType.BOOLEAN


@dataclass(frozen=True, slots=True)
class Match:
    """``value LIKE pattern ESCAPE escape``; if ``escape`` is None, no character can be escaped."""

    value: "Value"
    pattern: str
    escape: str | None
    type: ValueType = ValueType.BOOLEAN


@dataclass(frozen=True, slots=True)
class IsNull:
    """``value IS NULL``; a dimension is NULL while the user is unplaced."""

    value: "Value"
    type: ValueType = ValueType.BOOLEAN


@dataclass(frozen=True, slots=True)
class IsTruth:
    """``value IS TRUE`` or ``IS FALSE``."""

    value: "Value"
    truth: bool
    type: ValueType = ValueType.BOOLEAN


@dataclass(frozen=True, slots=True)
class PlaceRef:
    """The user's place in a dimension with one place per user; only ``IS NULL`` uses it on its own."""

    name: str
    source: Name
    type: ValueType = ValueType.TEXT


@dataclass(frozen=True, slots=True)
class PlaceTest:
    """The user is in one of ``places``, sorted, of a dimension."""

    name: str
    source: Name
    places: tuple[str, ...]
    many: bool
    type: ValueType = ValueType.BOOLEAN


@dataclass(frozen=True, slots=True)
class Not:
    """Three-valued negation."""

    value: "Value"
    type: ValueType = ValueType.BOOLEAN


@dataclass(frozen=True, slots=True)
class And:
    """All of ``parts``, none of which is an ``And``."""

    parts: tuple["Value", ...]
    type: ValueType = ValueType.BOOLEAN


@dataclass(frozen=True, slots=True)
class Or:
    """Any of ``parts``, none of which is an ``Or``."""

    parts: tuple["Value", ...]
    type: ValueType = ValueType.BOOLEAN


Value = (
    Constant
    | Ref
    | Arithmetic
    | Negative
    | Call
    | DaysSince
    | Case
    | Compare
    | Between
    | Member
    | Match
    | IsNull
    | IsTruth
    | PlaceRef
    | PlaceTest
    | Not
    | And
    | Or
)


def children(node: Value) -> tuple[Value, ...]:
    """Return the nodes directly below ``node``."""
    match node:
        case Arithmetic() | Compare():
            return (node.left, node.right)
        case Call():
            return node.args
        case Case():
            return (*(part for branch in node.branches for part in branch), node.default)
        case Between():
            return (node.value, node.low, node.high)
        case Member():
            return (node.value, *node.options)
        case And() | Or():
            return node.parts
        case Negative() | DaysSince() | Match() | IsNull() | IsTruth() | Not():
            return (node.value,)
        case Constant() | Ref() | PlaceRef() | PlaceTest():
            return ()


def walk(node: Value) -> Iterator[Value]:
    """Yield ``node`` and everything below it."""
    pending = [node]
    while pending:
        current = pending.pop()
        yield current
        pending.extend(reversed(children(current)))


def names_of(node: Value) -> frozenset[str]:
    """Return the facts and dimensions that ``node`` reads."""
    return frozenset(part.name for part in walk(node) if isinstance(part, Ref | PlaceRef | PlaceTest))


def is_whole(node: Value) -> bool:
    """Tell whether ``node`` can only be an integer; money may be an average, with a fraction of its minor unit."""
    match node:
        case Constant():
            return not isinstance(node.value, Decimal)
        case Ref():
            return node.type in {ValueType.INTEGER, ValueType.INSTANT}
        case Arithmetic():
            return node.op != "/" and is_whole(node.left) and is_whole(node.right)
        case Case():
            return all(is_whole(value) for _, value in node.branches) and is_whole(node.default)
        case Call() | Negative():
            return all(is_whole(part) for part in children(node))
        case _:
            return isinstance(node, DaysSince)
