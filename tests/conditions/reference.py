"""A second reading of the condition language in plain Python, three-valued, that shares no code with the engine.

Random conditions are built as ``Node`` trees, spelt as text for the engine, and evaluated here directly.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

Scalar = int | float | str | bool | Decimal | None
Row = Mapping[str, Scalar]
DAY = 86_400_000


@dataclass(frozen=True)
class Node:
    """One operator with its operands; ``value`` is a literal or a name."""

    kind: str
    parts: tuple["Node", ...] = ()
    value: Scalar = None


def spell(node: Node) -> str:
    """The text that ops would write, with every parenthesis."""
    parts = [spell(part) for part in node.parts]
    if not parts:
        return spell_leaf(node)
    match node.kind:
        case "and" | "or" | "+" | "-" | "*" | "/" | "=" | "<>" | "<" | "<=" | ">" | ">=":
            return f"({parts[0]} {node.kind} {parts[1]})"
        case "not":
            return f"(not {parts[0]})"
        case "negative":
            return f"(- {parts[0]})"
        case "between":
            return f"({parts[0]} between {parts[1]} and {parts[2]})"
        case "in" | "place":
            return f"({parts[0]} in ({', '.join(parts[1:])}))"
        case "like":
            return f"({parts[0]} like {parts[1]} escape '!')"
        case "is null" | "is true" | "is false" | "is not null" | "is not true":
            return f"({parts[0]} {node.kind})"
        case "case":
            return f"case when {parts[0]} then {parts[1]} else {parts[2]} end"
        case _:
            return f"{node.kind}({', '.join(parts)})"


def spell_leaf(node: Node) -> str:
    match node.kind:
        case "text":
            return "'" + str(node.value).replace("'", "''") + "'"
        case "at":
            return "'" + iso(int(str(node.value))) + "'"
        case _:
            return f"{node.value:f}" if isinstance(node.value, Decimal) else str(node.value)


def iso(at: int) -> str:
    days, rest = divmod(at, DAY)
    seconds, milliseconds = divmod(rest, 1000)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{milliseconds:03}"
    return f"{date.fromordinal(719_163 + days).isoformat()}T{clock}Z"


def evaluate(node: Node, row: Row, now: int) -> Scalar:
    """The value at the instant ``now``; None is NULL."""
    if not node.parts:
        return _leaf(node, row)
    match node.kind:
        case "and" | "or":
            return _junction(node, row, now)
        case "case":
            chosen = node.parts[1] if evaluate(node.parts[0], row, now) is True else node.parts[2]
            return evaluate(chosen, row, now)
        case "coalesce":
            values = [evaluate(part, row, now) for part in node.parts]
            return next((value for value in values if value is not None), None)
        case "is null" | "is not null":
            return (evaluate(node.parts[0], row, now) is None) == (node.kind == "is null")
        case "is true" | "is not true":
            return (evaluate(node.parts[0], row, now) is True) == (node.kind == "is true")
        case "is false":
            return evaluate(node.parts[0], row, now) is False
        case "in" | "place":
            return _member(node, row, now)
        case "between":
            return evaluate(
                Node("and", (Node(">=", node.parts[:2]), Node("<=", (node.parts[0], node.parts[2])))), row, now
            )
        case "nullif":
            one, two = (evaluate(part, row, now) for part in node.parts)
            return None if one is not None and one == two else one
        case _:
            values = [evaluate(part, row, now) for part in node.parts]
            if any(value is None for value in values):
                return None
            return days(values[0], now) if node.kind == "days_since" else FUNCTIONS[node.kind](*values)


def _leaf(node: Node, row: Row) -> Scalar:
    match node.kind:
        case "fact":
            return row[str(node.value)]
        case "amount":
            return round(Decimal(str(node.value)) * 100)
        case _:
            return float(node.value) if isinstance(node.value, Decimal) else node.value


def _junction(node: Node, row: Row, now: int) -> Scalar:
    values = [evaluate(part, row, now) for part in node.parts]
    decisive = node.kind == "or"
    if decisive in values:
        return decisive
    return None if None in values else not decisive


def _member(node: Node, row: Row, now: int) -> Scalar:
    value = evaluate(node.parts[0], row, now)
    if value is None:
        return None
    options = [evaluate(part, row, now) for part in node.parts[1:]]
    if node.kind == "place" and str(value).startswith("|"):
        return any(place in str(value).split("|")[1:-1] for place in options)
    if value in options:
        return True
    return None if None in options else False


def days(since: Scalar, now: int) -> int:
    """Whole days since an instant, or since the UTC midnight of an ISO date."""
    if isinstance(since, str):
        return math.floor(Decimal(now) / DAY) - (date.fromisoformat(since).toordinal() - 719_163)
    assert isinstance(since, int)
    return math.floor(Decimal(now - since) / DAY)


def like(value: str, pattern: str) -> bool:
    """LIKE with ``!`` as its escape, by dynamic programming over the two texts."""
    tokens: list[tuple[str, str]] = []
    position = 0
    while position < len(pattern):
        mark = pattern[position]
        if mark == "!":
            position += 1
            tokens.append(("is", pattern[position]))
        else:
            tokens.append(("any", "") if mark == "%" else ("one", "") if mark == "_" else ("is", mark))
        position += 1
    reached = {0}
    for kind, wanted in tokens:
        if kind == "any":
            reached = set(range(min(reached, default=len(value) + 1), len(value) + 1))
        else:
            reached = {at + 1 for at in reached if at < len(value) and (kind == "one" or value[at] == wanted)}
    return len(value) in reached


FUNCTIONS: dict[str, Callable[..., Scalar]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: None if b == 0 else float(a) / float(b),
    "negative": lambda a: -a,
    "abs": abs,
    "least": min,
    "greatest": max,
    "floor": math.floor,
    "ceil": math.ceil,
    "not": lambda a: not a,
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "like": like,
}
