"""The default brand's first placement, as a database engineer would write it by hand: every row is rewritten anyway."""

from collections.abc import Mapping

from bench.handwritten_rules import INTO, due_at, write_due
from engine.store.dialects import Dialect

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


def every_row(dialect: Dialect, signatures: Mapping[str, str]) -> tuple[str, ...]:
    """Return the statements; ``signatures`` has the SQL of each dimension's signature, taken from the rules."""
    tiers = [_tiers(name, place, signatures[name]) for name, place in _TIERS.items()]
    lifecycle = (
        f"{INTO} SELECT s.user_id, 'lifecycle', NULL, {_LIFECYCLE}, :now, :cause, {_LIFECYCLE_RULE}, :version,"
        f" {signatures['lifecycle']} FROM user_state AS s"
    )
    return (*tiers, lifecycle, _segments(signatures["needs"]), _UPDATE, _due(dialect))


_TIERS = {"value": _VALUE, "activity": _ACTIVITY, "contribution": _CONTRIBUTION}
_UPDATE = f"""UPDATE user_state AS s SET place_value = {_VALUE}, since_value = :now, place_activity = {_ACTIVITY},
 since_activity = :now, place_contribution = {_CONTRIBUTION}, since_contribution = :now,
 place_lifecycle = {_LIFECYCLE}, since_lifecycle = :now, place_needs = {_NEEDS},
 since_needs__basic = CASE WHEN {_BASIC} THEN :now END, since_needs__advanced = CASE WHEN {_ADVANCED} THEN :now END,
 since_needs__personalised = CASE WHEN {_PERSONALISED} THEN :now END"""


def _tiers(name: str, place: str, signature: str) -> str:
    return (
        f"{INTO} SELECT user_id, '{name}', NULL, place, :now, :cause, '{name}.' || place || '.when', :version, signature"
        f" FROM (SELECT s.user_id, {place} AS place, {signature} AS signature FROM user_state AS s) AS x"
    )


def _segments(signature: str) -> str:
    arms = " UNION ALL ".join(
        f"SELECT user_id, 'needs', NULL, '{name}', :now, :cause, 'needs.{name}.when', :version, signature FROM x"
        f" WHERE {name}"
        for name in ("basic", "advanced", "personalised")
    )
    return (
        f"{INTO} WITH x AS MATERIALIZED (SELECT s.user_id, {_BASIC} AS basic, {_ADVANCED} AS advanced,"
        f" {_PERSONALISED} AS personalised, {signature} AS signature FROM user_state AS s) {arms}"
    )


def _due(dialect: Dialect) -> str:
    """Nobody waits yet, so only facts and conditions on orders turn."""
    computed = due_at(dialect, {"edge_at": "s.edge_at"})
    return write_due(dialect, f"SELECT s.user_id, {computed} FROM user_state AS s")
