"""The default brand's re-evaluation, written for engines that evaluate one user at a time.

All conditions of the brand are evaluated for every user: every ``when``, and the ``keep`` of the user's current place,
which is what our signature covers. Instants are passed as whole days ago, and NULL as -1, so that every engine can
compare them.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import durable_rules_engine
import rule_engine
import zen

from bench.population import NOW

Row = dict[str, Any]
_STEADY = "orders_year >= 4 and days_first >= 180 and days_last >= 0 and days_last <= 90"
_BOUGHT = "days_last >= 0 and days_last <= 90"


@dataclass(frozen=True, slots=True)
class PeerRule:
    """Leads to ``to`` if its condition is true; only for users in ``where``, if given."""

    to: str
    when: str
    where: tuple[str, ...] | None = None


RULES: Mapping[str, Sequence[PeerRule]] = {
    "value": [
        PeerRule("high", "spend >= 48000", ("high",)),
        PeerRule("high", "spend >= 60000 and orders_year >= 4 and coupon_share <= 0.5"),
        PeerRule("mid", "spend >= 15000", ("mid",)),
        PeerRule("mid", "spend >= 18000"),
    ],
    "activity": [
        PeerRule("high", "views >= 5 or orders_quarter >= 2", ("high",)),
        PeerRule("high", "views >= 8 or orders_quarter >= 3"),
        PeerRule("mid", "views >= 2 or orders_quarter >= 1"),
    ],
    "contribution": [
        PeerRule("high", "points >= 12", ("high",)),
        PeerRule("high", "points >= 20"),
        PeerRule("mid", "points >= 6"),
    ],
    "lifecycle": [
        PeerRule("churned", "days_last > 180", ("potential", "new", "active", "loyal", "at_risk", "regained")),
        PeerRule("at_risk", "days_last > 90", ("potential", "new", "active", "loyal", "regained")),
        PeerRule("regained", _BOUGHT, ("churned",)),
        PeerRule("loyal", _STEADY, ("potential", "new", "active", "at_risk")),
        PeerRule("active", f"orders >= 2 and {_BOUGHT}", ("potential", "new", "at_risk")),
        PeerRule("new", f"orders == 1 and {_BOUGHT}", ("potential",)),
        PeerRule("active", "orders_quarter >= 2", ("regained",)),
        PeerRule("active", "orders_year < 3", ("loyal",)),
    ],
    "advanced": [
        PeerRule("in", "categories >= 3 or average >= 10000"),
        PeerRule("in", "categories >= 2 or average >= 8000", ("in",)),
    ],
    "basic": [PeerRule("in", "orders >= 1 and categories <= 1")],
    "personalised": [
        PeerRule("in", "views >= 6 and viewed == 1 or points >= 6"),
        PeerRule("in", "views >= 3 or points >= 3", ("in",)),
    ],
}
"""Dimension or segment -> its rules; the first that is true wins."""
OTHERWISE = dict.fromkeys(("value", "activity", "contribution"), "low")
"""Where users go if no rule is true. In ``lifecycle`` they stay where they are; they are out of a segment."""
_SEGMENTS = ("advanced", "basic", "personalised")
_PLACES = ("value", "activity", "contribution", "lifecycle")

Standing = dict[str, str]
"""Dimension or segment -> place."""
Place = Callable[[Row, Standing], Standing]
"""Places one user, given the user's facts and current places."""


def rows(connection: sqlite3.Connection, count: int) -> Iterator[tuple[Row, Standing]]:
    """Yield the facts and current places of ``count`` users."""
    connection.row_factory = sqlite3.Row
    inside = ", ".join(
        f"CASE WHEN instr(place_needs, '|{name}|') > 0 THEN 'in' ELSE 'out' END AS {name}" for name in _SEGMENTS
    )
    found = connection.execute(
        f"""SELECT fact_spend_365d AS spend, fact_orders AS orders, fact_orders_365d AS orders_year,
        fact_orders_90d AS orders_quarter, coalesce(fact_coupon_share, 0.0) AS coupon_share, fact_views_30d AS views,
        fact_contribution_points AS points, fact_categories_365d AS categories,
        coalesce(fact_average_order_365d, 0.0) AS average, fact_viewed_category IS NOT NULL AS viewed,
        coalesce(({NOW} - fact_last_order_at) / 86400000, -1) AS days_last,
        coalesce(({NOW} - fact_first_order_at) / 86400000, -1) AS days_first,
        {", ".join(f"place_{name} AS {name}" for name in _PLACES)}, {inside} FROM user_state
        ORDER BY user_id LIMIT ?""",
        (count,),
    )
    for row in found:
        values = dict(row)
        standing = {name: values.pop(name) for name in RULES}
        yield values, standing


def _fallback(name: str, standing: Standing) -> str:
    return OTHERWISE.get(name) or (standing[name] if name == "lifecycle" else "out")


def _fits(rule: PeerRule, place: str) -> bool:
    return rule.where is None or place in rule.where


Compiled = Callable[[str], Callable[[Row], Any]]
"""Compiles a condition, or a list of conditions, in an engine's language."""


def by_every_condition(compiled: Compiled) -> Place:
    """Return a placer that evaluates every condition as a separate expression, compiled once."""
    tests = {name: [(rule, compiled(rule.when)) for rule in rules] for name, rules in RULES.items()}

    def place(row: Row, standing: Standing) -> Standing:
        found = {}
        for name, pairs in tests.items():
            held = [rule.to for rule, test in pairs if test(row) and _fits(rule, standing[name])]
            found[name] = held[0] if held else _fallback(name, standing)
        return found

    return place


def by_first_match(compiled: Compiled) -> Place:
    """Return a placer that stops at the first condition that decides the place."""
    tests = {name: [(rule, compiled(rule.when)) for rule in rules] for name, rules in RULES.items()}

    def place(row: Row, standing: Standing) -> Standing:
        return {
            name: next((r.to for r, test in pairs if _fits(r, standing[name]) and test(row)), None)
            or _fallback(name, standing)
            for name, pairs in tests.items()
        }

    return place


def by_one_expression(compiled: Compiled) -> Place:
    """Return a placer that evaluates all conditions of the brand in one list expression."""
    rules = [(name, rule) for name, several in RULES.items() for rule in several]
    every = compiled("[" + ", ".join(rule.when for _, rule in rules) + "]")

    def place(row: Row, standing: Standing) -> Standing:
        found: Standing = {}
        for (name, rule), holds in zip(rules, every(row), strict=True):
            if holds and name not in found and _fits(rule, standing[name]):
                found[name] = rule.to
        return {name: found.get(name) or _fallback(name, standing) for name in RULES}

    return place


def rule_engine_expression(text: str) -> Callable[[Row], Any]:
    """Compile for the rule-engine package."""
    evaluate: Callable[[Row], Any] = rule_engine.Rule(text).evaluate
    return evaluate


def zen_expression(text: str) -> Callable[[Row], Any]:
    """Compile for the zen-engine package."""
    evaluate: Callable[[Row], Any] = zen.compile_expression(text).evaluate
    return evaluate


def by_durable_rules() -> Place:
    """Return a placer that gives durable_rules one user at a time: constant id and sid; assert, drain, retract.

    There is one ruleset per dimension and segment; it always returns the full match set.
    """
    rulesets = {name: _ruleset(name, rules) for name, rules in RULES.items()}

    def place(row: Row, standing: Standing) -> Standing:
        fact = json.dumps({"_t": 1, "id": "s", "sid": "0", **row})[:-1]
        found = {}
        for name, handle in rulesets.items():
            fired = _fired(handle, f'{fact}, "place": "{standing[name]}"}}')
            found[name] = fired[0].partition("-")[0] if fired else _fallback(name, standing)
        return found

    return place


def _ruleset(name: str, several: Sequence[PeerRule]) -> int:
    """Create a ruleset with one rule for each place and each branch of an ``or``, in the order of the rules."""
    rules: dict[str, object] = {}
    for rule in several:
        for conjunction in rule.when.split(" or "):
            tests = [{"_t": 1}, *(_test(part) for part in conjunction.split(" and "))]
            for where in rule.where or (None,):
                guard = [{"place": where}] if where else []
                rules[f"{rule.to}-{len(rules)}"] = {"all": [{"m": {"$and": [*tests, *guard]}}], "pri": len(rules)}
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
