"""The default brand's first placement, written for engines that are fed user by user.

Rows come from the same store; an instant is given as whole days since, NULL as -1, so that every engine can compare.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import durable_rules_engine
import rule_engine
import zen

from bench.population import NOW

Row = dict[str, Any]

TIERS: Mapping[str, list[tuple[str, str]]] = {
    "value": [
        ("high", "spend >= 60000 and orders_year >= 4 and coupon_share <= 0.5"),
        ("mid", "spend >= 18000"),
    ],
    "activity": [("high", "views >= 8 or orders_quarter >= 3"), ("mid", "views >= 2 or orders_quarter >= 1")],
    "contribution": [("high", "points >= 20"), ("mid", "points >= 6")],
    "lifecycle": [
        ("churned", "days_last > 180"),
        ("at_risk", "days_last > 90"),
        ("loyal", "orders_year >= 4 and days_first >= 180 and days_last >= 0 and days_last <= 90"),
        ("active", "orders >= 2 and days_last >= 0 and days_last <= 90"),
        ("new", "orders == 1 and days_last >= 0 and days_last <= 90"),
    ],
}
"""Dimension -> places with their conditions, the first that holds wins."""
OTHERWISE = {"value": "low", "activity": "low", "contribution": "low", "lifecycle": "potential"}
SEGMENTS = {
    "advanced": "categories >= 3 or average >= 10000",
    "basic": "orders >= 1 and categories <= 1",
    "personalised": "views >= 6 and viewed == 1 or points >= 6",
}
PLACES = ("place_value", "place_activity", "place_contribution", "place_lifecycle", "place_needs")


def rows(connection: sqlite3.Connection, count: int) -> Iterator[tuple[Row, tuple[str, ...]]]:
    """Yield the facts of ``count`` users, and where the production path placed them."""
    connection.row_factory = sqlite3.Row
    found = connection.execute(
        f"""SELECT fact_spend_365d AS spend, fact_orders AS orders, fact_orders_365d AS orders_year,
        fact_orders_90d AS orders_quarter, coalesce(fact_coupon_share, 0.0) AS coupon_share, fact_views_30d AS views,
        fact_contribution_points AS points, fact_categories_365d AS categories,
        coalesce(fact_average_order_365d, 0.0) AS average, fact_viewed_category IS NOT NULL AS viewed,
        coalesce(({NOW} - fact_last_order_at) / 86400000, -1) AS days_last,
        coalesce(({NOW} - fact_first_order_at) / 86400000, -1) AS days_first, {", ".join(PLACES)}
        FROM user_state ORDER BY user_id LIMIT ?""",
        (count,),
    )
    for row in found:
        values = dict(row)
        placed = tuple(values.pop(name) for name in PLACES)
        yield values, placed


Place = Callable[[Row], tuple[str, ...]]
"""Places one user in all five dimensions."""


def _by_tests(compiled: Callable[[str], Callable[[Row], bool]]) -> Place:
    """Return a placer that asks one condition after the other, and no more than it has to."""
    tiers = {name: [(place, compiled(text)) for place, text in places] for name, places in TIERS.items()}
    segments = {name: compiled(text) for name, text in SEGMENTS.items()}

    def place(row: Row) -> tuple[str, ...]:
        found = [next((p for p, test in places if test(row)), OTHERWISE[name]) for name, places in tiers.items()]
        inside = "".join(f"{name}|" for name, test in segments.items() if test(row))
        return (*found, f"|{inside}")

    return place


def by_rule_engine() -> Place:
    """Return a placer that uses the rule-engine package."""
    return _by_tests(lambda text: rule_engine.Rule(text).matches)


def by_zen() -> Place:
    """Return a placer that uses the zen-engine package, expressions compiled once."""

    def compiled(text: str) -> Callable[[Row], bool]:
        expression = zen.compile_expression(text)
        return lambda row: bool(expression.evaluate(row))

    return _by_tests(compiled)


def by_durable_rules() -> Place:
    """Return a placer that feeds durable_rules user by user: constant id and sid; assert, drain, retract."""
    handles = {name: _ruleset(name, places) for name, places in TIERS.items()}
    needs = _ruleset("needs", list(SEGMENTS.items()))

    def place(row: Row) -> tuple[str, ...]:
        fact = json.dumps({"_t": 1, "id": "s", "sid": "0", **row})
        found = [_first(_fired(handle, fact), name) for name, handle in handles.items()]
        inside = {name.split("_")[0] for name in _fired(needs, fact)}
        return (*found, "|" + "".join(f"{name}|" for name in sorted(inside)))

    return place


def _first(fired: list[str], dimension: str) -> str:
    """Return the place of the first rule that fired; rules are named ``place_branch``, places may have underscores."""
    return fired[0].rpartition("_")[0] if fired else OTHERWISE[dimension]


def _ruleset(name: str, places: list[tuple[str, str]]) -> int:
    """Make a ruleset with one rule for each branch of an ``or``, in the order of the places."""
    rules: dict[str, object] = {}
    for place, text in places:
        for branch, conjunction in enumerate(text.split(" or ")):
            tests = [{"_t": 1}, *(_test(part) for part in conjunction.split(" and "))]
            rules[f"{place}_{branch}"] = {"all": [{"m": {"$and": tests}}], "pri": len(rules)}
    handle: int = durable_rules_engine.create_ruleset(f"bench_{name}", json.dumps(rules))
    return handle


def _test(text: str) -> dict[str, object]:
    column, operator, constant = text.split()
    value = json.loads(constant)
    if operator == "==":
        return {column: value}
    return {{">=": "$gte", ">": "$gt", "<=": "$lte", "<": "$lt"}[operator]: {column: value}}


def _fired(handle: int, fact: str) -> list[str]:
    code, state = durable_rules_engine.assert_fact(handle, fact)
    fired: list[str] = []
    if code == 0:
        started = durable_rules_engine.start_action_for_state(handle, state)
        answer = started[1] if started else None
        while answer:
            fired += json.loads(answer)
            answer = durable_rules_engine.complete_and_start_action(handle, state)
    durable_rules_engine.retract_fact(handle, '{"id":"s","sid":"0"}')
    return fired
