"""The default brand's rules for users who have been placed before, as a database engineer would write them by hand.

Every expression is over a row ``s`` of ``user_state`` and ``:now``; ``keep`` and ``grace`` apply. What the databases spell
differently is taken from the program's dialects, because it is the same by hand.
"""

from collections.abc import Iterable, Mapping

from engine.clock import DAY, NEVER
from engine.store.dialects import Dialect

EXCLUSIVE = ("value", "activity", "contribution", "lifecycle")
SEGMENTS = ("advanced", "basic", "personalised")
SLOTS = (*EXCLUSIVE, *(f"needs__{name}" for name in SEGMENTS))
GRACES = {
    "value": (14, 30),
    "activity": (7,),
    "contribution": (14, 30),
    "needs__advanced": (30,),
    "needs__personalised": (30,),
}
"""Slot -> how long its graces last, in days."""
INTO = "INSERT INTO transition (user_id, dimension, from_place, to_place, at, cause, rule, rules_version, signature)"
"""The beginning of every statement that writes transitions."""

_AGO = f"((:now - s.fact_last_order_at) / {DAY})"
_STEADY = f"s.fact_orders_365d >= 4 AND (:now - s.fact_first_order_at) / {DAY} >= 180 AND {_AGO} <= 90"


def _waits(slot: str, days: int) -> str:
    return f"(s.wait_{slot} IS NULL OR s.wait_{slot} + {days * DAY} > :now)"


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


def _was(dialect: Dialect, name: str) -> str:
    mark = f"'|{name}|'"
    return f"({dialect.contains('s.place_needs', mark)})"


def _segment(dialect: Dialect, name: str, when: str, keep: str) -> dict[str, str]:
    """Return whether the user was in a segment, is in it now, and since when they have waited to leave."""
    was, slot = _was(dialect, name), f"needs__{name}"
    return {
        f"was_{name}": f"CASE WHEN {was} THEN 1 ELSE 0 END",
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
LIFECYCLE_RULE = " ".join(["CASE", *(f"WHEN {when} THEN 'lifecycle.{rule}'" for _, rule, when in _STAGES), "END"])
"""The rule by which the user's stage changes."""
_LIFECYCLE = " ".join(["CASE", *(f"WHEN {when} THEN '{to}'" for to, _, when in _STAGES), "ELSE s.place_lifecycle END"])
# A customer who comes back may qualify for the next stage straight away: they are due again at the next tick.
_AGAIN = (
    f"s.place_lifecycle = 'churned' AND {_AGO} <= 90 AND s.fact_orders_90d >= 2"
    f" OR s.place_lifecycle = 'regained' AND {_AGO} <= 90 AND s.fact_orders_90d >= 2 AND {_STEADY}"
)


def new_values(dialect: Dialect) -> dict[str, str]:
    """Return the SQL of each column's new value; and, of each segment, ``was_`` and ``is_``, 0 or 1."""
    return {
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
        "was_basic": f"CASE WHEN {_was(dialect, 'basic')} THEN 1 ELSE 0 END",
        "is_basic": "CASE WHEN s.fact_orders >= 1 AND s.fact_categories_365d <= 1 THEN 1 ELSE 0 END",
        **_segment(
            dialect,
            "advanced",
            "(s.fact_categories_365d >= 3 OR s.fact_average_order_365d >= 10000)",
            "(s.fact_categories_365d >= 2 OR s.fact_average_order_365d >= 8000)",
        ),
        **_segment(
            dialect,
            "personalised",
            "(s.fact_views_30d >= 6 AND s.fact_viewed_category IS NOT NULL OR s.fact_contribution_points >= 6)",
            "(s.fact_views_30d >= 3 OR s.fact_contribution_points >= 3)",
        ),
    }


def needs(flags: Mapping[str, str]) -> str:
    """Return ``place_needs`` from SQL that is 1 if the user is in a segment; ``flags`` has ``is_<segment>``."""
    parts = (f"CASE {flags[f'is_{name}']} WHEN 1 THEN '{name}|' ELSE '' END" for name in SEGMENTS)
    return " || ".join(("'|'", *parts))


def due_at(dialect: Dialect, columns: Mapping[str, str]) -> str:
    """Return the next instant at which anything can change; ``columns`` has the SQL of ``edge_at``, and of the
    waits if anybody waits.
    """
    terms = [
        f"coalesce({columns['edge_at']}, {NEVER})",
        *_after_orders(),
        *(
            _future(f"{columns[f'wait_{slot}']} + {days * DAY}")
            for slot, several in GRACES.items()
            if f"wait_{slot}" in columns
            for days in several
        ),
    ]
    return dialect.greatest(dialect.least(*terms), ":now + 1")


def _after_orders() -> Iterable[str]:
    """Return the instants at which a condition on orders turns, or ``NEVER``."""
    turns = (("fact_last_order_at", 181), ("fact_last_order_at", 91), ("fact_first_order_at", 180))
    return [_future(f"s.{column} + {days * DAY}") for column, days in turns]


def _future(at: str) -> str:
    return f"coalesce(CASE WHEN {at} > :now THEN {at} END, {NEVER})"


def write_due(dialect: Dialect, source: str) -> str:
    """Return the statement that makes users due earlier: ``source`` is a query for ``user_id`` and ``due_at``.

    Nobody becomes due later. Whoever moves on right away does so for the cause of this evaluation.
    """
    earlier = "excluded.due_at < d.due_at"
    return (
        f"INSERT INTO user_due AS d (user_id, due_at) {source} WHERE true ON CONFLICT (user_id) DO UPDATE SET"
        f" due_at = {dialect.least('d.due_at', 'excluded.due_at')},"
        f" cause = CASE WHEN NOT {earlier} THEN d.cause WHEN excluded.due_at <= :now + 1 THEN :cause END,"
        f" evaluated_at = CASE WHEN {earlier} THEN :now ELSE d.evaluated_at END"
    )
