"""The default brand's first placement, as a database engineer would write it by hand for SQLite."""

_VALUE = """CASE WHEN s.fact_spend_365d >= 60000 AND s.fact_orders_365d >= 4 AND coalesce(s.fact_coupon_share, 0) <= 0.5
 THEN 'high' WHEN s.fact_spend_365d >= 18000 THEN 'mid' ELSE 'low' END"""
_ACTIVITY = """CASE WHEN s.fact_views_30d >= 8 OR s.fact_orders_90d >= 3 THEN 'high'
 WHEN s.fact_views_30d >= 2 OR s.fact_orders_90d >= 1 THEN 'mid' ELSE 'low' END"""
_CONTRIBUTION = """CASE WHEN s.fact_contribution_points >= 20 THEN 'high' WHEN s.fact_contribution_points >= 6 THEN 'mid'
 ELSE 'low' END"""
_AGO = "(:now - s.fact_last_order_at) / 86400000"
_LIFECYCLE = f"""CASE WHEN {_AGO} > 180 THEN 'churned' WHEN {_AGO} > 90 THEN 'at_risk'
 WHEN s.fact_orders_365d >= 4 AND (:now - s.fact_first_order_at) / 86400000 >= 180 AND {_AGO} <= 90 THEN 'loyal'
 WHEN s.fact_orders >= 2 AND {_AGO} <= 90 THEN 'active' WHEN s.fact_orders = 1 AND {_AGO} <= 90 THEN 'new'
 ELSE 'potential' END"""
_LIFECYCLE_RULE = f"""CASE WHEN {_AGO} > 180 THEN 'lifecycle.silent_for_half_a_year'
 WHEN {_AGO} > 90 THEN 'lifecycle.silent_for_a_quarter'
 WHEN s.fact_orders_365d >= 4 AND (:now - s.fact_first_order_at) / 86400000 >= 180 AND {_AGO} <= 90
 THEN 'lifecycle.a_steady_half_year' WHEN s.fact_orders >= 2 AND {_AGO} <= 90 THEN 'lifecycle.second_order'
 WHEN s.fact_orders = 1 AND {_AGO} <= 90 THEN 'lifecycle.first_order' ELSE 'initial' END"""
_BASIC = "s.fact_orders >= 1 AND s.fact_categories_365d <= 1"
_ADVANCED = "(s.fact_categories_365d >= 3 OR s.fact_average_order_365d >= 10000)"
_PERSONALISED = "(s.fact_views_30d >= 6 AND s.fact_viewed_category IS NOT NULL OR s.fact_contribution_points >= 6)"
_NEEDS = f"""'|' || CASE WHEN {_ADVANCED} THEN 'advanced|' ELSE '' END || CASE WHEN {_BASIC} THEN 'basic|' ELSE '' END
 || CASE WHEN {_PERSONALISED} THEN 'personalised|' ELSE '' END"""

INTO = """INSERT INTO transition (user_id, dimension, from_place, to_place, at, rule, rules_version, signature)"""
"""The beginning of every statement that writes transitions."""


def _tiers(name: str, place: str) -> str:
    return (
        f"{INTO} SELECT user_id, '{name}', NULL, place, :now, '{name}.' || place || '.when', :version, signature"
        f" FROM (SELECT s.user_id, {place} AS place, {{signature}} AS signature FROM user_state AS s)"
    )


def _segments() -> str:
    arms = " UNION ALL ".join(
        f"SELECT user_id, 'needs', NULL, '{name}', :now, 'needs.{name}.when', :version, signature FROM x WHERE {name}"
        for name in ("basic", "advanced", "personalised")
    )
    return (
        f"{INTO} WITH x AS MATERIALIZED (SELECT s.user_id, {_BASIC} AS basic, {_ADVANCED} AS advanced,"
        f" {_PERSONALISED} AS personalised, {{signature}} AS signature FROM user_state AS s) {arms}"
    )


TRANSITIONS = {
    "value": _tiers("value", _VALUE),
    "activity": _tiers("activity", _ACTIVITY),
    "contribution": _tiers("contribution", _CONTRIBUTION),
    "lifecycle": (
        f"{INTO} SELECT s.user_id, 'lifecycle', NULL, {_LIFECYCLE}, :now, {_LIFECYCLE_RULE}, :version, {{signature}}"
        " FROM user_state AS s"
    ),
    "needs": _segments(),
}
"""Dimension -> the statement that writes its transitions; ``{signature}`` is the one expression taken from the rules."""


def due_after(column: str, days: int) -> str:
    """Return SQL for the instant ``days`` after a fact if it is in the future, else ``NEVER``."""
    at = f"s.{column} + {days * 86_400_000}"
    return f"coalesce(CASE WHEN {at} > :now THEN {at} END, 253402300799999)"


_DUE = ", ".join(
    [
        "coalesce(s.edge_at, 253402300799999)",
        due_after("fact_last_order_at", 181),
        due_after("fact_last_order_at", 91),
        due_after("fact_first_order_at", 180),
    ]
)

PLACE = f"""UPDATE user_state AS s SET place_value = {_VALUE}, since_value = :now, place_activity = {_ACTIVITY},
 since_activity = :now, place_contribution = {_CONTRIBUTION}, since_contribution = :now,
 place_lifecycle = {_LIFECYCLE}, since_lifecycle = :now, place_needs = {_NEEDS},
 since_needs__basic = CASE WHEN {_BASIC} THEN :now END, since_needs__advanced = CASE WHEN {_ADVANCED} THEN :now END,
 since_needs__personalised = CASE WHEN {_PERSONALISED} THEN :now END, due_at = max(min({_DUE}), :now + 1)"""
