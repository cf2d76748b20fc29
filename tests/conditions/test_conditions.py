"""What a condition offers: canonical text, names, SQL, atoms; and the pins that people rely on."""

import re
from dataclasses import dataclass, replace

import pytest

from engine.conditions import (
    All,
    Any,
    Atom,
    ConditionErrors,
    Known,
    Name,
    ValueType,
    atoms_of,
    parse_condition,
    parse_expression,
)
from engine.store.dialects import DIALECTS, Dialect
from engine.store.dialects.postgresql import POSTGRESQL
from engine.store.dialects.sqlite import SQLITE
from tests.conditions.conftest import Population
from tests.conditions.population import SCOPE


def words(text: str) -> str:
    return parse_condition(text, SCOPE).text


@pytest.mark.parametrize(
    ("spelling", "canonical"),
    [
        ("60 < days_since(last_at)", "days_since(last_at) > 60"),
        ("orders=6.0", "orders = 6"),
        ("orders > 2 * 3 + 1", "orders > 7"),
        ("spend >= 49.90", "spend >= 49.9"),
        ("vip is not null", "vip IS NOT NULL"),
        ("not city in ('a', 'b', 'a')", "city NOT IN ('a', 'b')"),
        ("value in ('mid', 'high', 'mid')", "value IN ('high', 'mid')"),
        ("'basic' = needs", "needs = 'basic'"),
        ("needs not in ('basic')", "needs <> 'basic'"),
        ("(vip or optin) and vip", "(vip OR optin) AND vip"),
        ("city not like 'it''s%'", "city NOT LIKE 'it''s%'"),
        ("vip and (vip) and vip", "vip"),
        ("orders > -1", "orders > (-1)"),
        ("3 > 2", "TRUE"),
        ("'a' = 'b'", "FALSE"),
    ],
)
def test_the_canonical_spelling(spelling: str, canonical: str) -> None:
    assert words(spelling) == canonical


def test_names_are_the_facts_and_dimensions_that_are_read() -> None:
    condition = parse_condition("days_since(last_at) > 3 and value = 'high' or needs <> 'basic'", SCOPE)
    assert condition.names == {"last_at", "value", "needs"}


def test_a_dotted_name_is_one_name() -> None:
    scope = replace(SCOPE, names={"event.amount": Name(ValueType.MONEY, "e.amount")})
    assert parse_condition("event.amount > 5", scope).sql(SQLITE) == "(e.amount > 500)"


@dataclass(frozen=True)
class Called:
    """Reads a column that bears the database's name."""

    def sql(self, dialect: Dialect) -> str:
        return f"e.{dialect.name}"


def test_a_name_may_read_differently_on_each_database() -> None:
    condition = parse_condition("shade = 'red'", replace(SCOPE, names={"shade": Name(ValueType.TEXT, Called())}))
    assert condition.sql(POSTGRESQL) == "(e.postgresql = 'red')"
    assert condition.sql(SQLITE) == "(e.sqlite = 'red')"


@pytest.mark.parametrize(
    ("scale", "text", "minor"), [(100, "49.90", 4990), (1, "500", 500), (1000, "0.125", 125), (100, "0.1 + 0.2", 30)]
)
def test_money_constants_are_scaled_exactly(scale: int, text: str, minor: int) -> None:
    condition = parse_condition(f"spend = {text}", replace(SCOPE, currency_scale=scale))
    assert condition.sql(SQLITE) == f"(u.spend = {minor})"


def test_a_currency_without_decimals_says_so() -> None:
    with pytest.raises(ConditionErrors, match="no decimals"):
        parse_condition("spend = 1.5", replace(SCOPE, currency_scale=1))


@pytest.mark.parametrize(
    ("text", "kind", "whole"),
    [
        ("orders + points * 2", ValueType.INTEGER, True),
        ("orders / points", ValueType.NUMBER, False),
        ("orders * 0.5", ValueType.NUMBER, False),
        ("spend + refund", ValueType.MONEY, False),
        ("spend * 0.5", ValueType.MONEY, False),
        ("spend / orders", ValueType.MONEY, False),
        ("spend / refund", ValueType.NUMBER, False),
        ("days_since(last_at)", ValueType.INTEGER, True),
        ("coalesce(orders, 0)", ValueType.INTEGER, True),
        ("coalesce(orders, 0.5)", ValueType.NUMBER, False),
        ("case when vip then 1 else 2 end", ValueType.INTEGER, True),
        ("case when vip then spend else 0.50 end", ValueType.MONEY, False),
        ("coalesce(last_at, '2026-01-31')", ValueType.INSTANT, True),
        ("greatest(birthday, '2026-01-31')", ValueType.DATE, False),
        ("coalesce(city, 'nowhere')", ValueType.TEXT, False),
        ("orders > 1", ValueType.BOOLEAN, False),
    ],
)
def test_expressions_have_a_type(text: str, kind: ValueType, whole: bool) -> None:
    expression = parse_expression(text, SCOPE)
    assert (expression.type, expression.whole) == (kind, whole)


def test_no_text_is_taken_for_a_bind(users: Population) -> None:
    for text in ("':now'", "'a:b'", "'%(now)s'", "'it''s :x'"):
        expression = parse_expression(f"case when orders = orders or orders is null then {text} else 'x' end", SCOPE)
        assert {value for (value,) in users.ask(expression.sql(users.dialect))} == {text[1:-1].replace("''", "'")}
    assert users.where(parse_condition("city like '%:x%' or city like '%(x)s'", SCOPE).holds_sql(users.dialect)) == []


def test_the_only_bind_is_now() -> None:
    text = "days_since(last_at) > 3 and days_since(birthday) + 1 > 3 and last_at < '2026-01-31T00:00:00+08:00'"
    for dialect in DIALECTS:
        assert set(re.findall(r":\w+", parse_condition(text, SCOPE).sql(dialect))) == {":now"}


def test_an_instant_literal_takes_its_zone() -> None:
    for text in ("'2026-01-31T00:00:00+08:00'", "'2026-01-30T16:00:00Z'", "'2026-01-30 16:00Z'"):
        assert parse_condition(f"last_at = {text}", SCOPE).sql(SQLITE) == "(u.last_at = 1769788800000)"


def test_negation_moves_into_comparisons_and_stays_at_other_leaves() -> None:
    formula = parse_condition("not (orders > 3 and (vip or city like 'a%' or value = 'high'))", SCOPE).nnf()
    assert isinstance(formula, Any)
    first, rest = formula.children
    assert isinstance(first, Atom)
    assert first.text == "orders <= 3"
    assert isinstance(rest, All)
    assert [atom.text for atom in atoms_of(rest)] == ["NOT vip", "city NOT LIKE 'a%'", "value <> 'high'"]


def test_equal_atoms_are_one() -> None:
    formula = parse_condition(
        "(orders > 3 and vip) or (3 < orders and not (not optin)) or not orders <= 3", SCOPE
    ).nnf()
    assert [atom.text for atom in atoms_of(formula)] == ["orders > 3", "vip", "optin"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 = 1", True),
        ("not 1 = 1", False),
        ("vip or TRUE", True),
        ("vip and FALSE", False),
        ("not (vip and 2 < 1)", True),
    ],
)
def test_what_is_known_beforehand_folds(text: str, value: bool) -> None:
    assert parse_condition(text, SCOPE).nnf() == Known(value)


def test_a_neutral_part_disappears() -> None:
    assert parse_condition("vip and 1 = 1", SCOPE).nnf() == parse_condition("vip", SCOPE).nnf()


def test_products_of_large_integers_and_money_do_not_overflow(users: Population) -> None:
    big = 2**53
    scope = replace(
        SCOPE,
        names={
            "n": Name(ValueType.INTEGER, f"(u.id * 0 + {big})"),
            "m": Name(ValueType.MONEY, f"(u.id * 0 + {big})"),
        },
    )
    for text in ("n * n > n", "m * n * n > m", "n * n * n > 5", "abs(-n * n) > 0.5", "n * n / n = n", "m + m - m = m"):
        assert users.where(parse_condition(text, scope).holds_sql(users.dialect)) == list(range(len(users.rows)))
