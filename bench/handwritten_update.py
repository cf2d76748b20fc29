"""The default brand's re-evaluation, as a database engineer would write it by hand for SQLite.

All users have been placed before; ``keep`` and ``grace`` apply. Transitions are written for places that change, then
one UPDATE without a join rewrites every row. (Computing the new places once into a temporary table and joining it is no
faster, is slower with a million users, and takes 400 MB of memory.)
"""

from bench.handwritten_first import INTO, due_after

_DAY = 86_400_000
_NEVER = 253_402_300_799_999
_EXCLUSIVE = ("value", "activity", "contribution", "lifecycle")
_SEGMENTS = ("basic", "advanced", "personalised")
_AGO = f"((:now - s.fact_last_order_at) / {_DAY})"
_STEADY = f"s.fact_orders_365d >= 4 AND (:now - s.fact_first_order_at) / {_DAY} >= 180 AND {_AGO} <= 90"


def _waits(slot: str, days: int) -> str:
    return f"(s.wait_{slot} IS NULL OR s.wait_{slot} + {days * _DAY} > :now)"


def _tiers(name: str, high: str, mid: str, mid_days: int, high_days: int) -> dict[str, str]:
    """Return the new placement and wait of a dimension with the tiers high, mid and low."""
    was = f"s.place_{name}"
    return {
        f"place_{name}": f"CASE WHEN {high} OR {was} = 'high' AND {_waits(name, high_days)} THEN 'high'"
        f" WHEN {mid} OR {was} = 'mid' AND {_waits(name, mid_days)} THEN 'mid' ELSE 'low' END",
        f"wait_{name}": f"CASE WHEN {was} = 'high' AND ({high}) IS NOT TRUE AND {_waits(name, high_days)}"
        f" OR {was} = 'mid' AND ({high}) IS NOT TRUE AND ({mid}) IS NOT TRUE AND {_waits(name, mid_days)}"
        f" THEN coalesce(s.wait_{name}, :now) END",
    }


def _segment(name: str, when: str, keep: str) -> dict[str, str]:
    """Return SQL for whether the user was in a segment, is in it now, and since when they have waited to leave."""
    was, slot = f"(instr(s.place_needs, '|{name}|') > 0)", f"needs__{name}"
    return {
        f"was_{name}": was,
        f"is_{name}": f"CASE WHEN {when} OR {was} AND ({keep} OR {_waits(slot, 30)}) THEN 1 ELSE 0 END",
        f"wait_{slot}": f"CASE WHEN {was} AND ({when} OR {keep}) IS NOT TRUE AND {_waits(slot, 30)}"
        f" THEN coalesce(s.wait_{slot}, :now) END",
    }


_STAGES = (
    ("churned", "silent_for_half_a_year", f"{_AGO} > 180 AND s.place_lifecycle <> 'churned'"),
    ("at_risk", "silent_for_a_quarter", f"{_AGO} > 90 AND s.place_lifecycle NOT IN ('churned', 'at_risk')"),
    ("regained", "bought_after_all", f"s.place_lifecycle = 'churned' AND {_AGO} <= 90"),
    ("loyal", "a_steady_half_year", f"s.place_lifecycle IN ('potential', 'new', 'active', 'at_risk') AND {_STEADY}"),
    (
        "active",
        "second_order",
        f"s.place_lifecycle IN ('potential', 'new', 'at_risk') AND s.fact_orders >= 2 AND {_AGO} <= 90",
    ),
    ("new", "first_order", f"s.place_lifecycle = 'potential' AND s.fact_orders = 1 AND {_AGO} <= 90"),
    ("active", "stayed", "s.place_lifecycle = 'regained' AND s.fact_orders_90d >= 2"),
    ("active", "slowed_down", "s.place_lifecycle = 'loyal' AND s.fact_orders_365d < 3"),
)
"""(stage entered, its rule, condition); the first that is true applies."""
_LIFECYCLE = " ".join(["CASE", *(f"WHEN {when} THEN '{to}'" for to, _, when in _STAGES), "ELSE s.place_lifecycle END"])
_LIFECYCLE_RULE = " ".join(["CASE", *(f"WHEN {when} THEN 'lifecycle.{rule}'" for _, rule, when in _STAGES), "END"])
# A customer who comes back may qualify for the next stage straight away: they are due again at the next tick.
_AGAIN = (
    f"s.place_lifecycle = 'churned' AND {_AGO} <= 90 AND s.fact_orders_90d >= 2"
    f" OR s.place_lifecycle = 'regained' AND {_AGO} <= 90 AND s.fact_orders_90d >= 2 AND {_STEADY}"
)

_NEW = {
    **_tiers(
        "value",
        "(s.fact_spend_365d >= 60000 AND s.fact_orders_365d >= 4 AND coalesce(s.fact_coupon_share, 0) <= 0.5"
        " OR s.place_value = 'high' AND s.fact_spend_365d >= 48000)",
        "(s.fact_spend_365d >= 18000 OR s.place_value = 'mid' AND s.fact_spend_365d >= 15000)",
        14,
        30,
    ),
    **_tiers(
        "activity",
        "(s.fact_views_30d >= 8 OR s.fact_orders_90d >= 3"
        " OR s.place_activity = 'high' AND (s.fact_views_30d >= 5 OR s.fact_orders_90d >= 2))",
        "(s.fact_views_30d >= 2 OR s.fact_orders_90d >= 1)",
        7,
        7,
    ),
    **_tiers(
        "contribution",
        "(s.fact_contribution_points >= 20 OR s.place_contribution = 'high' AND s.fact_contribution_points >= 12)",
        "s.fact_contribution_points >= 6",
        14,
        30,
    ),
    "place_lifecycle": _LIFECYCLE,
    "edge_at": f"CASE WHEN {_AGAIN} THEN :now + 1 ELSE s.edge_at END",
    "was_basic": "(instr(s.place_needs, '|basic|') > 0)",
    "is_basic": "CASE WHEN s.fact_orders >= 1 AND s.fact_categories_365d <= 1 THEN 1 ELSE 0 END",
    **_segment(
        "advanced",
        "(s.fact_categories_365d >= 3 OR s.fact_average_order_365d >= 10000)",
        "(s.fact_categories_365d >= 2 OR s.fact_average_order_365d >= 8000)",
    ),
    **_segment(
        "personalised",
        "(s.fact_views_30d >= 6 AND s.fact_viewed_category IS NOT NULL OR s.fact_contribution_points >= 6)",
        "(s.fact_views_30d >= 3 OR s.fact_contribution_points >= 3)",
    ),
}


def _moves(name: str, rule: str) -> str:
    was, place = f"s.place_{name}", _NEW[f"place_{name}"]
    return (
        f"{INTO} SELECT s.user_id, '{name}', {was}, {place}, :now, {rule}, :version, {{signature}}"
        f" FROM user_state AS s WHERE {place} <> {was}"
    )


def _tier_moves(name: str) -> str:
    return _moves(name, f"'{name}.' || {_NEW[f'place_{name}']} || '.when'")


def _segments() -> str:
    flags = ", ".join(f"{_NEW[f'{word}_{name}']} AS {word}_{name}" for name in _SEGMENTS for word in ("was", "is"))
    differ = " OR ".join(f"{_NEW[f'was_{name}']} <> {_NEW[f'is_{name}']}" for name in _SEGMENTS)
    arms = " UNION ALL ".join(
        f"SELECT user_id, 'needs', CASE was_{name} WHEN 1 THEN '{name}' END, CASE is_{name} WHEN 1 THEN '{name}' END,"
        f" :now, CASE is_{name} WHEN 1 THEN 'needs.{name}.when' ELSE 'none' END, :version, signature FROM x"
        f" WHERE was_{name} <> is_{name}"
        for name in _SEGMENTS
    )
    return (
        f"{INTO} WITH x AS MATERIALIZED (SELECT s.user_id, {flags}, {{signature}} AS signature FROM user_state AS s"
        f" WHERE {differ}) {arms}"
    )


TRANSITIONS = {
    **{name: _tier_moves(name) for name in ("value", "activity", "contribution")},
    "lifecycle": _moves("lifecycle", _LIFECYCLE_RULE),
    "needs": _segments(),
}
"""Dimension -> the statement that writes its transitions; ``{signature}`` is the one expression taken from the rules."""


def _grace_end(slot: str, days: int) -> str:
    end = f"{_NEW[f'wait_{slot}']} + {days * _DAY}"
    return f"coalesce(CASE WHEN {end} > :now THEN {end} END, {_NEVER})"


_DUE = ", ".join(
    [
        f"coalesce({_NEW['edge_at']}, {_NEVER})",
        due_after("fact_last_order_at", 181),
        due_after("fact_last_order_at", 91),
        due_after("fact_first_order_at", 180),
        _grace_end("activity", 7),
        *(_grace_end(slot, days) for slot in ("value", "contribution") for days in (14, 30)),
        _grace_end("needs__advanced", 30),
        _grace_end("needs__personalised", 30),
    ]
)


def _since(name: str, before: str, after: str) -> str:
    return f"since_{name} = CASE WHEN {before} <> {after} THEN :now ELSE s.since_{name} END"


_NEEDS = " || ".join(
    ["'|'", *(f"CASE {_NEW[f'is_{name}']} WHEN 1 THEN '{name}|' ELSE '' END" for name in sorted(_SEGMENTS))]
)
_ASSIGNMENTS = [
    *(f"{column} = {sql}" for column, sql in _NEW.items() if not column.startswith(("was_", "is_"))),
    *(_since(name, f"s.place_{name}", _NEW[f"place_{name}"]) for name in _EXCLUSIVE),
    *(_since(f"needs__{name}", _NEW[f"was_{name}"], _NEW[f"is_{name}"]) for name in _SEGMENTS),
    f"place_needs = {_NEEDS}",
    f"due_at = max(min({_DUE}), :now + 1)",
]
PLACE = f"UPDATE user_state AS s SET {', '.join(_ASSIGNMENTS)}"
"""The statement that updates every row to its new state."""
