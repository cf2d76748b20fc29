"""``rules/facts.toml`` to typed facts, and one located finding for each mistake."""

from pathlib import Path

import pytest

from engine.content.bundle import Bundle
from engine.content.value_types import ValueType
from engine.facts.catalog import FactCatalog, load_catalog

EVENTS = """
[events.order]
amount = "money"
category = "text"
items = "integer"
weight = "number"
gift = "boolean"
day = "date"
paid_at = "instant"
[events.visit]
"""


def load(facts: str, events: str = EVENTS) -> tuple[FactCatalog, list[str]]:
    catalog, findings = load_catalog(Bundle({"rules/facts.toml": events + facts}), 100)
    first = len(events.splitlines())
    return catalog, [f"{one.line - first}: {one.message}" for one in findings]


@pytest.mark.parametrize(
    ("fact", "kind", "sql_type"),
    [
        ('count = "order"', ValueType.INTEGER, "BIGINT"),
        ('distinct = "order.category"', ValueType.INTEGER, "BIGINT"),
        ('sum = "order.amount"', ValueType.MONEY, "BIGINT"),
        ('sum = "order.items"', ValueType.INTEGER, "BIGINT"),
        ('sum = "order.weight"', ValueType.NUMBER, "DOUBLE PRECISION"),
        ('average = "order.amount"', ValueType.MONEY, "DOUBLE PRECISION"),
        ('average = "order.items"', ValueType.NUMBER, "DOUBLE PRECISION"),
        ('min = "order.day"', ValueType.DATE, "TEXT"),
        ('max = "order.paid_at"', ValueType.INSTANT, "BIGINT"),
        ('max = "order.amount"', ValueType.MONEY, "BIGINT"),
        ('first = "order"', ValueType.INSTANT, "BIGINT"),
        ('last = "order.gift"', ValueType.BOOLEAN, "BOOLEAN"),
        ('last = "order.category"', ValueType.TEXT, "TEXT"),
        ('attribute = "city"\ntype = "text"', ValueType.TEXT, "TEXT"),
        ('expr = "n * 2"', ValueType.INTEGER, "BIGINT"),
        ('expr = "n / 2"', ValueType.NUMBER, "DOUBLE PRECISION"),
        ('expr = "spend + 1"', ValueType.MONEY, "DOUBLE PRECISION"),
        ('expr = "n > 2"', ValueType.BOOLEAN, "BOOLEAN"),
        ('quantile = "spend"', ValueType.INTEGER, "BIGINT"),
    ],
)
def test_types_and_columns(fact: str, kind: ValueType, sql_type: str) -> None:
    catalog, findings = load(f'[facts.x]\n{fact}\n[facts.n]\ncount = "order"\n[facts.spend]\nsum = "order.amount"')
    assert findings == []
    column = catalog.facts["x"].state_column
    assert (catalog.facts["x"].type, column.name, column.sql_type) == (kind, "fact_x", sql_type)
    assert catalog.names()["x"].column == "s.fact_x"


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        ('[facts.a]\ncount = "ordr"', "2: `count`: unknown event `ordr`; did you mean `order`?"),
        ('[facts.a]\nsum = "order.amout"', "2: `sum`: event `order` has no property `amout`; did you mean `amount`?"),
        ('[facts.a]\nsum = "order.category"', "2: `sum` adds up numbers and money; the property is of type text"),
        ('[facts.a]\nmax = "order.category"', "2: `max` compares numbers, money, instants and dates; the property is of type text"),
        ('[facts.a]\naverage = "order.gift"', "2: `average` averages numbers and money; the property is of type boolean"),
        ('[facts.a]\nsum = "order"', "2: `sum` needs a property of an event: write `order.amount`"),
        ('[facts.a]\ncount = "order.items"', '2: `count` counts events: write `order`, or `distinct = "order.items"` for different values'),
        ('[facts.a]\ncount = "order"\nwithin = "0d"', "3: `within` is an empty window: write how far back it goes, such as `90d`"),
        ('[facts.a]\ncount = "order"\nwhere = "categry = \'x\'"', "3: `where`, column 1: unknown property `categry`; did you mean `category`?"),
        ('[facts.a]\ncount = "order"\nwhere = "days_since(day) > 3"', "3: `where` must not depend on the current time: use `within`, or compare with a fixed date"),
        ('[facts.a]\ncount = "order"\ntype = "money"', "3: `type`: this fact is of type integer, not money; remove `type`"),
        ('[facts.a]\nexpr = "spendd + 1"\n[facts.spend]\nsum = "order.amount"', "2: `expr`, column 1: unknown fact `spendd`; did you mean `spend`?"),
        ('[facts.a]\nexpr = "b + 1"\n[facts.b]\nexpr = "a + 1"', "1: facts depend on each other in a cycle: a -> b -> a"),
        ('[facts.a]\nexpr = "a + 1"', "1: facts depend on each other in a cycle: a -> a"),
        ('[facts.a]\nquantile = "b"\n[facts.b]\nlast = "order.category"', "2: `quantile` ranks numbers, money and instants; `b` is text"),
        ('[facts.a]\nquantile = "bb"\n[facts.b]\ncount = "order"', "2: `quantile`: unknown fact `bb`; did you mean `b`?"),
        ('[facts.case]\ncount = "order"', "1: `case` is a keyword of the condition language: choose another name"),
        ('[facts.a]\nattribute = "email"\ntype = "integer"', "2: `type`: the attribute `email` is of type text, not integer"),
        ('[facts.a]\ncount = "order"\nsum = "order.amount"', "1: a fact needs exactly one source: count, sum, min, max, average, first, last, distinct, attribute, expr, quantile; found `count`, `sum`"),
        ('[facts.a]\ncount = "order"\nwithin = 90', "3: 90 is not a duration: add a unit, such as `90d` or `90h`"),
        ('[facts.a]\ncout = "order"', "2: unknown key `cout`; did you mean `count`?"),
    ],
)  # fmt: skip
def test_each_mistake_is_found_where_it_stands(facts: str, wanted: str) -> None:
    assert wanted in load(facts)[1]


def test_all_mistakes_of_all_facts_are_found_at_once_and_the_rest_is_read() -> None:
    facts = '[facts.a]\ncount = "ordr"\n[facts.b]\nwithin = "5"\ncount = "order"\n[facts.c]\nexpr = "d + x"\n[facts.d]\ncount = "order"'
    catalog, findings = load(facts)
    assert [finding.split(":")[0] for finding in findings] == ["2", "4", "7"]
    assert list(catalog.facts) == ["d"]
    assert catalog.broken == {"a", "b", "c"}


def test_what_is_made_of_a_broken_fact_is_not_reported_again() -> None:
    _, findings = load('[facts.a]\ncount = "ordr"\n[facts.b]\nexpr = "a + 1"\n[facts.c]\nquantile = "a"')
    assert len(findings) == 1


def test_a_mistake_in_a_text_over_several_lines_has_its_own_line() -> None:
    _, findings = load('[facts.a]\ncount = "order"\nwhere = """category = \'x\'\n  and colour = \'y\'"""')
    assert findings[0].startswith("4: `where`, column 7: unknown property `colour`")


def test_a_property_called_amount_is_a_whole_number() -> None:
    _, findings = load("", '[events.order]\namount = "number"\n')
    assert findings == ["0: `amount` must be money or an integer, not number; choose another name for this property"]


def test_a_file_that_is_no_toml_or_not_there_gives_an_empty_catalogue() -> None:
    catalog, findings = load("[facts.a\n")
    assert (dict(catalog.facts), len(findings)) == ({}, 1)
    catalog, missing = load_catalog(Bundle({}), 100)
    assert (dict(catalog.facts), missing[0].file) == ({}, "rules/facts.toml")


@pytest.mark.parametrize("text", ["facts = 3", "facts = []", "events = 'x'", "[events]\norder = 3", "[facts]\na = 3"])
def test_tables_of_the_wrong_shape_are_findings(text: str) -> None:
    assert load_catalog(Bundle({"rules/facts.toml": text}), 100)[1]


def test_facts_stand_after_those_they_are_made_of() -> None:
    catalog, findings = load('[facts.a]\nquantile = "b"\n[facts.b]\nexpr = "c / 2"\n[facts.c]\ncount = "order"')
    assert findings == []
    assert list(catalog.facts) == ["c", "b", "a"]
    assert [catalog.level(fact) for fact in catalog.facts.values()] == [0, 1, 2]


def test_an_event_has_a_scope_of_its_own_properties() -> None:
    scope = load("")[0].event_scope("order")
    assert set(scope.names) == {"amount", "category", "items", "weight", "gift", "day", "paid_at"}
    assert load("")[0].event_scope("unheard_of").names == {}


def test_the_default_brand_has_no_mistakes() -> None:
    text = (Path(__file__).parents[2] / "rules" / "facts.toml").read_text(encoding="utf-8")
    assert load_catalog(Bundle({"rules/facts.toml": text}), 100)[1] == []
