"""The names, values and random conditions that the differential tests use: NULLs, boundaries and Unicode everywhere."""

import random
from decimal import Decimal

from hypothesis import strategies as st

from engine.conditions import Name, PlaceType, Scope, ValueType
from tests.conditions.reference import DAY, Node, Row, Scalar

NOW = 1_790_000_000_123
INTEGERS = (0, 1, 2, 5, -1, -7, 60, 61, 9_999)
NUMBERS = (0.0, 0.5, -0.5, 0.1, 2.0, -2.5, 59.5, 1e6, 123.456, 4.503599627370497e15)
AMOUNTS = (0, 1, 4_990, 4_989, 100_000, -250, 99_999)
TEXTS = (
    "",
    "a",
    "A",
    "ab",
    "a%b",
    "a_b",
    "a*b",
    "[a]",
    "?",
    "北京",
    "北京市",
    "é",
    "😀b",
    "it's",
    "x:now",
    "back\\slash",
    "a\nb",
)
INSTANTS = tuple(NOW - k * DAY + d for k in (0, 1, 2, 60, 61, -3, 20_000) for d in (-1, 0, 1))
DATES = ("1970-01-01", "1969-12-31", "2000-02-29", "2026-09-20", "2026-09-21", "2026-09-22", "2030-01-01")
PLACES = ("high", "mid", "low")
SEGMENTS = ("basic", "personalised", "personal")
HELD = ("|", "|basic|", "|basic|personalised|", "|personal|", "|personal|personalised|")

COLUMNS: dict[str, tuple[ValueType | PlaceType, tuple[Scalar, ...]]] = {
    "orders": (ValueType.INTEGER, INTEGERS),
    "points": (ValueType.INTEGER, INTEGERS),
    "score": (ValueType.NUMBER, NUMBERS),
    "rate": (ValueType.NUMBER, NUMBERS),
    "spend": (ValueType.MONEY, AMOUNTS),
    "refund": (ValueType.MONEY, AMOUNTS),
    "city": (ValueType.TEXT, TEXTS),
    "lang": (ValueType.TEXT, TEXTS),
    "vip": (ValueType.BOOLEAN, (True, False)),
    "optin": (ValueType.BOOLEAN, (True, False)),
    "last_at": (ValueType.INSTANT, INSTANTS),
    "first_at": (ValueType.INSTANT, INSTANTS),
    "birthday": (ValueType.DATE, DATES),
    "joined": (ValueType.DATE, DATES),
    "value": (PlaceType("value", PLACES), PLACES),
    "needs": (PlaceType("needs", SEGMENTS, many=True), HELD),
}
SCOPE = Scope({name: Name(kind, f"u.{name}") for name, (kind, _) in COLUMNS.items()})


def population(size: int) -> list[Row]:
    """Rows of random values, about one in six of them NULL."""
    rng = random.Random(20_260_921)
    return [
        {name: None if rng.random() < 0.17 else rng.choice(values) for name, (_, values) in COLUMNS.items()}
        for _ in range(size)
    ]


Trees = st.SearchStrategy[Node]


def fact(*names: str) -> Trees:
    return st.sampled_from(names).map(lambda name: Node("fact", (), name))


def literal(kind: str, values: tuple[Scalar, ...]) -> Trees:
    return st.sampled_from(values).map(lambda value: Node(kind, (), value))


def of(kinds: tuple[str, ...], *parts: Trees) -> Trees:
    return st.builds(lambda kind, *nodes: Node(kind, nodes), st.sampled_from(kinds), *parts)


WHOLE = literal("number", tuple(value for value in INTEGERS if value >= 0))
DECIMALS = literal("number", tuple(Decimal(text) for text in ("0.5", "2.5", "0.1", "59.5", "123.456")))
PRICES = literal("amount", tuple(Decimal(text) for text in ("0", "0.01", "49.90", "1000", "999.99", "2.5")))
WORDS = literal("text", TEXTS)
WHEN = literal("at", INSTANTS)
DAYS = literal("text", DATES)
PATTERNS = literal(
    "text",
    (
        "%",
        "_",
        "a%",
        "%b",
        "a!%b",
        "a!_%",
        "%!!%",
        "北_",
        "__",
        "[a]",
        "?",
        "*",
        "a*b",
        "%京%",
        "x:now",
        "%:%",
        "back\\%",
        "😀_",
        "a_b",
        "%'s",
    ),
)
INSTANT = fact("last_at", "first_at")
DATE = fact("birthday", "joined")
EQUAL = ("=", "<>")
ORDER = (*EQUAL, "<", "<=", ">", ">=")
AGE = of(("days_since",), INSTANT | of(("coalesce", "least", "greatest"), INSTANT, INSTANT)) | of(("days_since",), DATE)
AGE_TEST = (
    of(ORDER, AGE, WHOLE | DECIMALS) | of(("between",), AGE, WHOLE | DECIMALS, WHOLE) | of(("in",), AGE, WHOLE, WHOLE)
)

PLACE_TEST = (
    of(("=", "<>"), fact("value"), literal("text", PLACES))
    | of(("place",), fact("value"), literal("text", PLACES), literal("text", PLACES))
    | st.builds(
        lambda negated, *nodes: Node("not", (Node("place", nodes),)) if negated else Node("place", nodes),
        st.booleans(),
        fact("needs"),
        literal("text", SEGMENTS),
        literal("text", SEGMENTS),
    )
    | of(("is null", "is not null"), fact("value"))
)
INTEGER = fact("orders", "points") | AGE
QUANTITY = INTEGER | fact("score", "rate") | of(("*",), fact("orders"), fact("points"))


def deeper(inner: Trees) -> Trees:
    """Quantities made of quantities."""
    return (
        of(("+", "-"), inner, inner | WHOLE | DECIMALS)
        | of(("/",), inner, inner | DECIMALS)
        | of(("coalesce", "nullif", "least", "greatest"), inner, inner | WHOLE | DECIMALS)
        | of(("abs", "negative", "floor", "ceil"), inner)
        | of(("case",), fact("vip") | PLACE_TEST, inner, inner | WHOLE)
    )


NUMBER = st.recursive(QUANTITY, deeper, max_leaves=5)
MONEY = st.recursive(
    fact("spend", "refund"),
    lambda inner: (
        of(("+", "-"), inner, inner | PRICES)
        | of(("coalesce", "least", "greatest", "nullif"), inner, inner | PRICES)
        | of(("/",), inner, INTEGER | DECIMALS)
        | of(("*",), inner, fact("score") | DECIMALS)
        | of(("abs", "negative"), inner)
        | of(("case",), fact("vip"), inner, PRICES)
    ),
    max_leaves=4,
)
LEAF = (
    of(ORDER, NUMBER, NUMBER | WHOLE | DECIMALS)
    | of(ORDER, WHOLE | DECIMALS, NUMBER)
    | of(("between",), NUMBER, WHOLE, NUMBER | DECIMALS)
    | of(("in",), NUMBER, WHOLE, DECIMALS | INTEGER)
    | of(ORDER, MONEY, MONEY | PRICES)
    | of(("between",), MONEY, PRICES, PRICES)
    | of(ORDER, of(("/",), MONEY, MONEY), NUMBER)
    | of(EQUAL, fact("city"), WORDS | fact("lang"))
    | of(("in",), fact("city"), WORDS, WORDS)
    | of(("like",), fact("city", "lang"), PATTERNS)
    | of(ORDER, INSTANT, INSTANT | WHEN)
    | of(ORDER, DATE, DATE | DAYS)
    | of(("between",), DATE, DAYS, DATE)
    | of(("is null", "is not null"), NUMBER | MONEY | fact("city", "vip") | INSTANT | DATE)
    | fact("vip", "optin")
    | AGE_TEST
    | PLACE_TEST
)
BOOLEAN = st.recursive(
    LEAF,
    lambda inner: (
        of(("and", "or"), inner, inner)
        | of(("not", "is true", "is false", "is not true", "is null"), inner)
        | of(EQUAL, inner, inner)
        | of(("coalesce",), inner, literal("bool", (True, False)))
        | of(("case",), inner, inner, inner)
    ),
    max_leaves=8,
)
