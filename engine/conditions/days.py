"""``days_since(x) > 30`` as a test of ``x`` itself, without arithmetic for each row: ``x <= now - 31 days``."""

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from engine.clock import DAY
from engine.conditions.tree import Between, Compare, Constant, DaysSince, Value

_FARTHEST = 100_000_000
"""Beyond so many days, milliseconds could exceed 64 bits."""


def days_test(node: Compare | Between, now: str, instant: Callable[[Value], str]) -> str | None:
    """Return SQL for a test of ``days_since`` against constants; None for any other test.

    ``now`` is SQL of the present instant, ``instant`` writes the SQL of an instant, in milliseconds. The test is NULL if the
    instant is, as the comparison of days would be.
    """
    bounds = _bounds(node)
    if bounds is None or any(bound is not None and abs(bound) >= _FARTHEST for bound in bounds):
        return None
    subject = node.left if isinstance(node, Compare) else node.value
    assert isinstance(subject, DaysSince)
    since, (at_least, below) = instant(subject.value), bounds
    tests = [] if at_least is None else [f"{since} <= {now} - {at_least * DAY}"]
    tests += [] if below is None else [f"{since} > {now} - {below * DAY}"]
    return f"({' AND '.join(tests)})"


def _bounds(node: Compare | Between) -> tuple[int | None, int | None] | None:
    """Return the least number of days for which the test holds, and the number below which it holds."""
    match node:
        case Compare(left=DaysSince(), right=Constant(value=int() | Decimal() as value)) if not isinstance(value, bool):
            return _of_compare(node.op, Decimal(value))
        case Between(
            value=DaysSince(),
            low=Constant(value=int() | Decimal() as low),
            high=Constant(value=int() | Decimal() as high),
        ):
            return up(Decimal(low)), above(Decimal(high))
        case _:
            return None


def _of_compare(op: str, bound: Decimal) -> tuple[int | None, int | None] | None:
    match op:
        case ">":
            return above(bound), None
        case ">=":
            return up(bound), None
        case "<":
            return None, up(bound)
        case "<=":
            return None, above(bound)
        case "=" if bound == bound.to_integral_value():
            return int(bound), int(bound) + 1
        case _:
            return None


def up(bound: Decimal) -> int:
    """Return the smallest whole number that is not below ``bound``."""
    return int(bound.to_integral_value(ROUND_CEILING))


def above(bound: Decimal) -> int:
    """Return the smallest whole number above ``bound``."""
    return int(bound.to_integral_value(ROUND_FLOOR)) + 1
