"""The checked tree as SQL for SQLite and PostgreSQL: fully parenthesised, values inlined, ``:now`` as the only bind.

Operations on which the databases differ are spelt out here: real division, NULL in least and greatest, floors, case and
collation, doubles, and products (of integers as numeric on PostgreSQL, of money as doubles, so that none can overflow).
The result can be passed to ``sqlalchemy.text``, because its strings contain no colons.
"""

from decimal import Decimal

from engine.clock import DAY
from engine.conditions.pattern import as_glob, as_like
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
from engine.conditions.types import ValueType
from engine.store.dialect import Dialect

MAX_SQL = 60_000
"""Maximum number of characters of SQL for one expression; some forms repeat their operands."""
FAR_DAYS = 100_000_000
"""Days added before an integer division, so that it rounds towards the past for any instant within ±270,000 years."""


class TooLong(ValueError):
    """The expression compiles to too much SQL for one statement."""


def to_sql(node: Value, dialect: Dialect) -> str:
    """Return SQL for ``node``; boolean nodes are TRUE, FALSE or NULL.

    Raises:
        TooLong: the text would exceed ``MAX_SQL``.
    """
    return _Writer(dialect).write(node)


def instant_sql(node: Value, dialect: Dialect) -> str:
    """Return SQL for an instant, or for the UTC midnight of a date, in milliseconds."""
    return _Writer(dialect).instant(node)


def text_literal(value: str, dialect: Dialect) -> str:
    """Return ``value`` as SQL text, with colons as character codes so that they are not read as binds."""
    colon = " || char(58) || " if dialect is Dialect.SQLITE else " || chr(58) || "
    pieces = ["'" + piece.replace("'", "''") + "'" for piece in value.split(":")]
    return pieces[0] if len(pieces) == 1 else f"({colon.join(pieces)})"


def now_sql(dialect: Dialect) -> str:
    """Return the current instant as a bind with a definite type."""
    return ":now" if dialect is Dialect.SQLITE else "CAST(:now AS BIGINT)"


def days_sql(instant: str, dialect: Dialect) -> str:
    """Return SQL for the whole days from ``instant`` (ms) to now, rounded towards the past."""
    return f"(({now_sql(dialect)} - {instant} + {FAR_DAYS * DAY}) / {DAY} - {FAR_DAYS})"


class _Writer:
    """Writes one tree for one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._sqlite = dialect is Dialect.SQLITE

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
        if self._sqlite:
            return f"(CAST(julianday({text}) - 2440587.5 AS INTEGER) * {DAY})"
        return f"(CAST(CAST({text} AS DATE) - CAST('1970-01-01' AS DATE) AS BIGINT) * {DAY})"

    def _write(self, node: Value) -> str:
        match node:
            case Constant():
                return self._constant(node)
            case Ref() | PlaceRef():
                return node.source.sql(self._dialect)
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
            return text_literal(value, self._dialect)
        if isinstance(value, Decimal):
            return self._double(repr(float(value)))
        return f"({value})" if value < 0 else str(value)

    def _double(self, text: str) -> str:
        return f"CAST({text} AS {'REAL' if self._sqlite else 'DOUBLE PRECISION'})"

    def _ordered(self, node: Value) -> str:
        """Return SQL that compares by code points: dates are text."""
        text = self.write(node)
        return f'({text} COLLATE "C")' if node.type is ValueType.DATE and not self._sqlite else text

    def _arithmetic(self, node: Arithmetic) -> str:
        left, right = self.write(node.left), self.write(node.right)
        if node.op == "/":
            return f"({self._double(left)} / NULLIF({self._double(right)}, 0))"
        if node.op == "*" and node.type is ValueType.MONEY:
            left = self._double(left)
        elif node.op == "*" and not self._sqlite and is_whole(node):
            left = f"CAST({left} AS NUMERIC)"
        return f"({left} {node.op} {right})"

    def _call(self, node: Call) -> str:
        args = [self.write(arg) for arg in node.args]
        if node.function in {"least", "greatest"}:
            return self._extreme(node.function, node.args)
        if node.function in {"floor", "ceil"}:
            return args[0] if is_whole(node.args[0]) else self._floor(args[0], node.function)
        return f"{node.function.upper()}({', '.join(args)})"

    def _extreme(self, function: str, nodes: tuple[Value, ...]) -> str:
        """Return SQL for least or greatest, NULL if any argument is NULL."""
        args = [self._ordered(node) for node in nodes]
        if self._sqlite:
            return f"{'min' if function == 'least' else 'max'}({', '.join(args)})"
        any_null = " OR ".join(f"{self.write(node)} IS NULL" for node in nodes)
        return f"(CASE WHEN {any_null} THEN NULL ELSE {function}({', '.join(args)}) END)"

    def _floor(self, arg: str, function: str) -> str:
        if not self._sqlite:
            return f"{function}({self._double(arg)})"
        whole = f"CAST({arg} AS INTEGER)"
        step = f"- ({arg} < {whole})" if function == "floor" else f"+ ({arg} > {whole})"
        # a double of 2**52 or more has no fraction, and may not fit an integer
        return f"(CASE WHEN abs({arg}) < {2**52} THEN {whole} {step} ELSE {arg} END)"

    def _match(self, node: Match) -> str:
        value = self.write(node.value)
        if self._sqlite:
            return f"({value} GLOB {text_literal(as_glob(node.pattern, node.escape), self._dialect)})"
        return f"({value} LIKE {text_literal(as_like(node.pattern, node.escape), self._dialect)} ESCAPE '\\')"

    def _place_test(self, node: PlaceTest) -> str:
        column = node.source.sql(self._dialect)
        names = [text_literal(f"|{place}|" if node.many else place, self._dialect) for place in node.places]
        if not node.many:
            return f"({column} = {names[0]})" if len(names) == 1 else f"({column} IN ({', '.join(names)}))"
        find = "instr" if self._sqlite else "strpos"
        return f"({' OR '.join(f'{find}({column}, {name}) > 0' for name in names)})"
