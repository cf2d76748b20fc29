"""The checked tree as SQL: fully parenthesised, values inlined, ``:now`` as the only bind.

Operations on which databases differ are spelt out here or left to the dialect: real division, NULL in least and
greatest, floors, case and collation, doubles, and products (of money as doubles, so that none can overflow). The result
must be passed to ``engine.store.statement``, because its strings may contain colons.
"""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from engine.clock import DAY
from engine.conditions.days import days_test
from engine.conditions.pattern import as_like
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
    is_whole,
)
from engine.conditions.types import Name, ValueType
from engine.store.dialects import Dialect
from engine.store.statement import quoted

MAX_SQL = 60_000
"""Maximum number of characters of SQL for one expression; some forms repeat their operands."""
NOW = "CAST(:now AS BIGINT)"
"""The current instant, as a bind with a definite type."""
FAR_DAYS = 100_000_000
"""Days added before an integer division, so that it rounds towards the past for any instant within ±270,000 years."""


Columns = Mapping[str, str]
"""Column, such as ``s.place_tier`` -> the SQL to use in its place."""


class TooLong(ValueError):
    """The expression compiles to too much SQL for one statement."""


def to_sql(node: Value, dialect: Dialect, instead: Columns = MappingProxyType({})) -> str:
    """Return SQL for ``node``; boolean nodes are TRUE, FALSE or NULL.

    ``instead``: the SQL to use in place of some columns.

    Raises:
        TooLong: the text would exceed ``MAX_SQL``.
    """
    return _Writer(dialect, instead).write(node)


def instant_sql(node: Value, dialect: Dialect, instead: Columns = MappingProxyType({})) -> str:
    """Return SQL for an instant, or for the UTC midnight of a date, in milliseconds; ``instead`` as in ``to_sql``."""
    return _Writer(dialect, instead).instant(node)


def days_sql(instant: str, dialect: Dialect) -> str:
    """Return SQL for the whole days from ``instant`` (ms) to now, rounded towards the past."""
    return f"({dialect.whole_quotient(f'({NOW} - {instant} + {FAR_DAYS * DAY})', str(DAY))} - {FAR_DAYS})"


class _Writer:
    """Writes one tree for one dialect."""

    def __init__(self, dialect: Dialect, instead: Columns) -> None:
        self._dialect = dialect
        self._instead = instead

    def write(self, node: Value) -> str:
        """Return SQL for ``node``, in parentheses if it is compound."""
        text = self._write(node)
        if len(text) > MAX_SQL:
            raise TooLong("the condition compiles to too much SQL; split it into facts with `expr`")
        return text

    def instant(self, node: Value) -> str:
        """Return SQL for an instant, or for the UTC midnight of a date, in milliseconds."""
        text = self.write(node)
        if node.type is not ValueType.DATE:
            return text
        return self._dialect.midnight(text)

    def _write(self, node: Value) -> str:
        match node:
            case Constant():
                return self._constant(node)
            case Ref() | PlaceRef():
                return self._column(node.source)
            case Arithmetic():
                return self._arithmetic(node)
            case Negative():
                return f"(- {self.write(node.value)})"
            case Call():
                return self._call(node)
            case DaysSince():
                return days_sql(self.instant(node.value), self._dialect)
            case Case():
                branches = " ".join(f"WHEN {self.write(when)} THEN {self.write(then)}" for when, then in node.branches)
                return f"(CASE {branches} ELSE {self.write(node.default)} END)"
            case _:
                return self._boolean(node)

    def _boolean(self, node: Value) -> str:
        match node:
            case Compare() | Between() if (test := days_test(node, NOW, self.instant)) is not None:
                return test
            case Compare():
                return f"({self._ordered(node.left)} {node.op} {self._ordered(node.right)})"
            case Between():
                low, high = self._ordered(node.low), self._ordered(node.high)
                return f"({self._ordered(node.value)} BETWEEN {low} AND {high})"
            case Member():
                return f"({self.write(node.value)} IN ({', '.join(self.write(option) for option in node.options)}))"
            case Match():
                return self._match(node)
            case IsNull():
                return f"({self.write(node.value)} IS NULL)"
            case IsTruth():
                return f"({self.write(node.value)} IS {'TRUE' if node.truth else 'FALSE'})"
            case PlaceTest():
                return self._place_test(node)
            case Not():
                return f"(NOT {self.write(node.value)})"
            case And() | Or():
                joint = " AND " if isinstance(node, And) else " OR "
                return f"({joint.join(self.write(part) for part in node.parts)})"
            case _:
                raise TypeError(f"no SQL for {type(node).__name__}")

    def _constant(self, node: Constant) -> str:
        value = node.value
        if value is None:
            return "NULL"
        if isinstance(value, bool):
            return "TRUE" if value else "FALSE"
        if isinstance(value, str):
            return quoted(value)
        if isinstance(value, Decimal):
            return _double(repr(float(value)))
        return f"({value})" if value < 0 else str(value)

    def _column(self, source: Name) -> str:
        column = source.sql(self._dialect)
        return self._instead.get(column, column)

    def _ordered(self, node: Value) -> str:
        """Return SQL that compares by code points: dates are text."""
        text = self.write(node)
        return self._dialect.by_code_point(text) if node.type is ValueType.DATE else text

    def _arithmetic(self, node: Arithmetic) -> str:
        left, right = self.write(node.left), self.write(node.right)
        if node.op == "/":
            return f"({_double(left)} / NULLIF({_double(right)}, 0))"
        if node.op == "*" and node.type is ValueType.MONEY:
            left = _double(left)
        elif node.op == "*" and is_whole(node):
            left = self._dialect.unbounded(left)
        return f"({left} {node.op} {right})"

    def _call(self, node: Call) -> str:
        args = [self.write(arg) for arg in node.args]
        if node.function in {"least", "greatest"}:
            return self._extreme(node.function, node.args)
        if node.function in {"floor", "ceil"}:
            rounded = self._dialect.floor if node.function == "floor" else self._dialect.ceil
            return args[0] if is_whole(node.args[0]) else rounded(args[0])
        return f"{node.function.upper()}({', '.join(args)})"

    def _extreme(self, function: str, nodes: tuple[Value, ...]) -> str:
        """Return SQL for least or greatest, NULL if any argument is NULL."""
        args = [self._ordered(node) for node in nodes]
        any_null = " OR ".join(f"{self.write(node)} IS NULL" for node in nodes)
        extreme = self._dialect.least if function == "least" else self._dialect.greatest
        return f"(CASE WHEN {any_null} THEN NULL ELSE {extreme(*args)} END)"

    def _match(self, node: Match) -> str:
        return self._dialect.like(self.write(node.value), as_like(node.pattern, node.escape))

    def _place_test(self, node: PlaceTest) -> str:
        column = self._column(node.source)
        names = [quoted(f"|{place}|" if node.many else place) for place in node.places]
        if not node.many:
            return f"({column} = {names[0]})" if len(names) == 1 else f"({column} IN ({', '.join(names)}))"
        return f"({' OR '.join(self._dialect.contains(column, name) for name in names)})"


def _double(text: str) -> str:
    return f"CAST({text} AS DOUBLE PRECISION)"
