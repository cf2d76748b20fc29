"""Turning points: the instants at which time alone can change an expression. ``due_at`` is computed from them.

``days_since(x) > 60`` becomes true 61 days after ``x``, so ``days_since`` compared with constants has fixed turning
points. Anywhere else, it can matter at every whole day after ``x``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from engine.clock import DAY, NEVER
from engine.conditions.days import above, up
from engine.conditions.sql import FAR_DAYS, NOW, Columns, days_sql, instant_sql
from engine.conditions.tree import Between, Compare, Constant, DaysSince, Member, Value, children, names_of
from engine.store.dialects import Dialect


@dataclass(frozen=True, slots=True)
class TurningPoint:
    """``days`` whole days after the instant ``since``; if ``days`` is None, every whole day after it."""

    since: Value
    days: int | None

    @property
    def names(self) -> frozenset[str]:
        """Return the facts from which the instant is computed."""
        return names_of(self.since)

    def sql(self, dialect: Dialect, instead: Columns = MappingProxyType({})) -> str:
        """Return SQL for the next such instant after ``:now``, in milliseconds; NULL if there is none.

        ``instead``: the SQL to use in place of some columns.
        """
        since = instant_sql(self.since, dialect, instead)
        if self.days is None:
            return f"({since} + ({days_sql(since, dialect)} + 1) * {DAY})"
        at = f"{since} + {self.days * DAY}" if self.days >= 0 else f"{since} - {-self.days * DAY}"
        return f"(CASE WHEN {at} > {NOW} THEN {at} END)"


def turning_points(node: Value) -> tuple[TurningPoint, ...]:
    """Return the distinct turning points of ``node``."""
    return tuple(dict.fromkeys(_points(node)))


def earliest_sql(points: tuple[TurningPoint, ...], dialect: Dialect) -> str:
    """Return SQL for the earliest of ``points`` after ``:now``; ``NEVER`` if there is none, never NULL."""
    if not points:
        return str(NEVER)
    return dialect.least(*(f"coalesce({point.sql(dialect)}, {NEVER})" for point in points))


def _points(node: Value) -> Iterator[TurningPoint]:
    if isinstance(node, Compare | Between | Member):
        days = _thresholds(node)
        subject = node.left if isinstance(node, Compare) else node.value
        if days is not None and isinstance(subject, DaysSince):
            yield from (TurningPoint(subject.value, day) for day in days if abs(day) < FAR_DAYS)
            yield from _points(subject.value)
            return
    if isinstance(node, DaysSince):
        yield TurningPoint(node.value, None)
    for child in children(node):
        yield from _points(child)


def _thresholds(node: Compare | Between | Member) -> list[int] | None:
    """Return the day counts at which a test of ``days_since`` against constants changes; None for any other test."""
    match node:
        case Compare(left=DaysSince(), right=Constant(value=int() | Decimal() as bound)):
            return _of_compare(node.op, Decimal(bound))
        case Between(value=DaysSince(), low=Constant(value=int() | Decimal() as low), high=Constant(value=high)):
            return [up(Decimal(low)), above(Decimal(high))] if isinstance(high, int | Decimal) else None
        case Member(value=DaysSince()):
            bounds = [option.value for option in node.options if isinstance(option, Constant)]
            days = [Decimal(bound) for bound in bounds if isinstance(bound, int | Decimal)]
            if len(days) < len(node.options):
                return None
            return [turn for day in days for turn in _of_compare("=", day)]
        case _:
            return None


def _of_compare(op: str, bound: Decimal) -> list[int]:
    if op in {">", "<="}:
        return [above(bound)]
    if op in {">=", "<"}:
        return [up(bound)]
    return [int(bound), int(bound) + 1] if bound == bound.to_integral_value() else []
