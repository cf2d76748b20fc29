"""Every mistake is refused with its place in the text and a remedy; all mistakes of one text come at once."""

import pytest

from engine.conditions import ConditionErrors, Scope, parse_condition, parse_expression
from engine.conditions.reading import MAX_DEPTH, MAX_NODES, MAX_TEXT
from tests.conditions.population import SCOPE

MISTAKES = [
    ("ordres > 1", 1, "unknown fact or dimension `ordres`; did you mean `orders`?"),
    ("event.amount > 1", 1, "unknown fact or dimension `event.amount`"),
    ("a.b.c = 1", 1, "at most one dot"),
    ("value = 'hihg'", 9, "no place `hihg`; did you mean `high`?"),
    ("value in ('high', 'lwo')", 19, "no place `lwo`; did you mean `low`?"),
    ("needs = 'basics'", 9, "no place `basics`; did you mean `basic`?"),
    ("value = high", 9, "write the place in single quotes: 'high'"),
    ("value > 'mid'", 1, "places have no order"),
    ("value = city", 9, "can only be compared with its places"),
    ("value = NULL", 9, "use IS NULL"),
    ("value like 'h%'", 1, "can only be compared with its places"),
    ("value", 1, "can only be compared with its places"),
    ("coalesce(value, 'low') = 'low'", 10, "can only be compared with its places"),
    ("needs is null", 1, "is never NULL"),
    ('city = "Paris"', 8, "in single quotes: 'Paris'"),
    ("city = 'Paris", 8, "the ' here is not closed"),
    ("city = 'it's'", 13, "the ' here is not closed"),
    ("city = NULL", 8, "write city IS NULL"),
    ("city <> NULL", 9, "write city IS NOT NULL"),
    ("orders in (1, NULL)", 15, "never holds"),
    ("orders in ()", 1, "at least one value"),
    ("orders in city", 1, "list in parentheses"),
    ("city > 'a'", 1, "has no order for `>`"),
    ("city between 'a' and 'b'", 1, "has no order for `BETWEEN`"),
    ("vip > optin", 1, "has no order"),
    ("orders = '5'", 10, "write a number without quotes"),
    ("city = 5", 8, "write '5'"),
    ("vip = 1", 7, "write a boolean alone, or with NOT"),
    ("orders = TRUE", 10, "write a boolean alone"),
    ("orders", 1, "`orders` is an integer, not a condition"),
    ("spend", 1, "`spend` is money, not a condition"),
    ("not orders", 5, "not a condition"),
    ("vip and orders", 9, "not a condition"),
    ("NULL", 1, "not a condition"),
    ("spend > orders", 9, "`spend` is money and `orders` is an integer"),
    ("spend > 49.999", 9, "more decimals than the currency: at most 2 decimals"),
    ("spend > 1000000000000000", 9, "too large"),
    ("spend * refund > 1", 1, "money times money"),
    ("orders / spend > 1", 1, "a number divided by money"),
    ("orders + city > 1", 10, "but a number or money is needed"),
    ("last_at - 5 > 1", 1, "use days_since"),
    ("last_at > birthday", 11, "use days_since(…) on both"),
    ("last_at > 5", 11, "write '2026-01-31'"),
    ("last_at > 'yesterday'", 11, "is not a date or time"),
    ("last_at > '2026-01-31T10:00:00'", 11, "is not a date or time; write '2026-01-31' or '2026-01-31T10:00:00Z'"),
    ("last_at > '2026-13-31'", 11, "does not exist in the calendar"),
    ("birthday = '2026-02-30'", 12, "does not exist in the calendar"),
    ("birthday = '31.01.2026'", 12, "is not a date; write '2026-01-31'"),
    ("days_since(orders) > 1", 12, "needs an instant or a date"),
    ("days_since() > 1", 1, "takes one fact"),
    ("days_since(last_at, first_at) > 1", 1, "takes one fact"),
    ("orders like '5%'", 1, "LIKE needs text"),
    ("city like lang", 11, "the pattern of LIKE must be text in single quotes"),
    ("city like 'a!' escape '!'", 11, "ends in its escape character"),
    ("city like 'a!b' escape '!'", 11, "needs no escaping"),
    ("city like 'a' escape '!!'", 22, "one character"),
    ("city like '%a%a%a%a%a%a%a%a%a%a%'", 11, "too many `%`"),
    ("city ilike 'a%'", 1, "LIKE is case-sensitive"),
    ("city is 'Paris'", 1, "IS takes NULL, TRUE or FALSE"),
    ("orders is true", 1, "not a condition"),
    ("now() > last_at", 1, "conditions have no function now(…)"),
    ("upper(city) = 'A'", 1, "conditions have no function upper(…)"),
    ("count(orders) > 1", 1, "conditions have no function count(…)"),
    ("current_timestamp > last_at", 1, "use days_since"),
    ("last_at > interval '1 day'", 1, "use days_since"),
    ("orders::text = '1'", 1, "casts cannot be used"),
    ("orders in (select 1)", 1, "list in parentheses"),
    ("exists (select 1)", 16, "declare a fact"),
    ("orders = (select 1)", 18, "declare a fact"),
    ("vip || optin", 1, "write OR"),
    ("vip && optin", 5, "write AND"),
    ("orders % 2 = 1", 1, "remainder"),
    ("if(vip, 1, 2) = 1", 4, "write CASE WHEN"),
    ("case orders when 1 then vip end", 6, "write out the comparison"),
    ("case when vip then NULL end = 1", 11, "every branch of this CASE is NULL"),
    ("case when vip then orders else city end = 1", 32, "cannot be compared or combined"),
    ("coalesce(orders) = 1", 10, "at least two arguments"),
    ("coalesce(orders, NULL) = 1", 18, "cannot be used in coalesce"),
    ("least(city, lang) = 'a'", 7, "needs numbers, money, instants or dates"),
    ("floor(spend) = 1", 7, "but a number is needed"),
    ("orders is distinct from 1", 1, "test IS NULL"),
    (":day > orders", 1, "parameters cannot be used"),
    ("(orders, points) = 1", 2, "can only follow IN"),
    ("orders = 1; drop table users", 13, "unexpected `drop`"),
    ("orders >", 8, "something is missing next to `>`"),
    ("(orders > 1", 11, "a `)` is missing after `1`"),
    ("orders > 1)", 11, "unexpected `)`"),
    ("orders > 1 points > 1", 12, "unexpected `points`"),
    ("orders > 9007199254740993", 10, "too large"),
    ("score > 0.1234567890123456", 9, "too many digits"),
    ("city = 'a\0b'", 10, "U+0000 is not allowed"),
    ("city = 'a' /* why", 12, "comment that starts here is not closed"),
    ("", 1, "is empty"),
    ("  \n ", 1, "is empty"),
]


@pytest.mark.parametrize(("text", "column", "message"), MISTAKES, ids=[text or "empty" for text, _, _ in MISTAKES])
def test_a_mistake_is_located_and_explained(text: str, column: int, message: str) -> None:
    with pytest.raises(ConditionErrors) as caught:
        parse_condition(text, SCOPE)
    (error,) = caught.value.errors
    assert message in error.message
    assert (error.line, error.column) == (1, column)
    assert error.offset == column - 1


def test_all_mistakes_of_a_text_come_at_once_in_its_order() -> None:
    text = "ordres > 1 and value = 'hihg'\n  or (city > 'a' and\n  not days_since(spend) > 3) or orders in (x1, 'y')"
    with pytest.raises(ConditionErrors) as caught:
        parse_condition(text, SCOPE)
    assert [(error.line, error.column) for error in caught.value.errors] == [
        (1, 1),
        (1, 24),
        (2, 7),
        (3, 18),
        (3, 44),
    ]
    assert str(caught.value).startswith("1:1: unknown fact or dimension `ordres`")


def test_both_sides_and_all_arguments_are_checked() -> None:
    with pytest.raises(ConditionErrors) as caught:
        parse_condition("coalesce(aa, bb) > cc + case when dd then ee else ff end", SCOPE)
    assert len(caught.value.errors) >= 4


@pytest.mark.parametrize("text", ["orders", "spend / nullif(orders, 0)", "vip", "orders > 1"])
def test_an_expression_may_have_any_type(text: str) -> None:
    assert parse_expression(text, SCOPE).names


def test_an_expression_needs_a_type() -> None:
    with pytest.raises(ConditionErrors, match="NULL alone"):
        parse_expression("NULL", SCOPE)


def test_a_text_has_a_longest() -> None:
    text = "orders > 1".ljust(MAX_TEXT)
    assert parse_condition(text, SCOPE).text == "orders > 1"
    with pytest.raises(ConditionErrors, match="too long"):
        parse_condition(text + " ", SCOPE)


def test_a_long_flat_condition_is_fine_until_it_is_too_large() -> None:
    many = " or ".join(f"orders = {i}" for i in range(MAX_NODES // 5 - 1))
    assert len(parse_condition(many, SCOPE).nnf().children) == MAX_NODES // 5 - 1  # type: ignore[union-attr]
    with pytest.raises(ConditionErrors, match=r"too large: \d+ parts, at most 500"):
        parse_condition(" or ".join(f"orders = {i}" for i in range(MAX_NODES // 4)), SCOPE)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 2_000,
        "(" * 1_000 + "vip" + ")" * 1_000,
        "not " * 900 + "vip",
        "- " * 1_500 + "orders > 1",
        "case when " * 300,
        "orders" + " + 1" * 100 + " > 1",
        "abs(" * 60 + "orders" + ")" * 60 + " > 1",
    ],
)
def test_depth_is_refused_before_it_hurts(text: str) -> None:
    with pytest.raises(ConditionErrors, match=f"at most {MAX_DEPTH} levels"):
        parse_condition(text, SCOPE)


@pytest.mark.parametrize("function", ["floor", "least"])
def test_what_would_compile_to_endless_sql_is_refused(function: str) -> None:
    text = "score"
    for _ in range(12):
        text = f"{function}({text})" if function == "floor" else f"least({text}, rate)"
    with pytest.raises(ConditionErrors, match="too much SQL"):
        parse_condition(f"{text} > 1", SCOPE)


def test_a_scope_without_names_still_answers() -> None:
    with pytest.raises(ConditionErrors, match="unknown fact or dimension `orders`"):
        parse_condition("orders > 1", Scope({}))
