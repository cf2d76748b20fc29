"""The default brand's facts as one GROUP BY, as a database engineer would write it by hand."""

from engine.clock import DAY, NEVER
from engine.store.dialects import Dialect

_WINDOWS = {
    "order_completed": (90, 365),
    "page_viewed": (30,),
    "review_posted": (180,),
    "community_post": (90,),
    "product_shared": (90,),
    "referral_made": (365,),
}
_COMPLAINT = "name = 'support_contacted' AND {topic} = 'complaint'"


def facts(dialect: Dialect, users: str = "", now: str = ":now") -> str:
    """Return the query for ``user_id`` and all facts but scores, by their names, and ``edge_at``.

    Args:
        dialect: the database's.
        users: SQL after FROM that restricts the users ``u``, such as ``JOIN fresh ON …``; by default all.
        now: SQL of the instant.
    """
    return f"""
SELECT f.*,
  CAST(coupon_orders_365d AS DOUBLE PRECISION) / nullif(orders_365d, 0) AS coupon_share,
  10 * referrals_365d + 3 * reviews_180d + 2 * posts_90d + shares_90d AS contribution_points
FROM (
  SELECT u.id AS user_id,
    {_json(dialect, "u.attributes", "first_name")} AS first_name,
    {_json(dialect, "u.attributes", "city")} AS city,
    u.locale AS language,
    u.first_seen_at AS customer_since,
    {_json(dialect, "u.attributes", "registered_on")} AS registered_on,
    {_json(dialect, "u.attributes", "birthday")} AS birthday,
    count(*) FILTER (WHERE name = 'order_completed') AS orders,
    {_count("order_completed", 90, now)} AS orders_90d,
    {_count("order_completed", 365, now)} AS orders_365d,
    CAST(coalesce(sum(amount) FILTER (WHERE name = 'order_completed'), 0) AS BIGINT) AS spend_total,
    CAST(coalesce(sum(amount) FILTER (WHERE {_within("order_completed", 365, now)}), 0) AS BIGINT) AS spend_365d,
    CAST(sum(amount) FILTER (WHERE {_within("order_completed", 365, now)}) AS DOUBLE PRECISION)
      / count(amount) FILTER (WHERE {_within("order_completed", 365, now)}) AS average_order_365d,
    min(amount) FILTER (WHERE name = 'order_completed') AS smallest_order,
    max(amount) FILTER (WHERE name = 'order_completed') AS largest_order,
    min(at) FILTER (WHERE name = 'order_completed') AS first_order_at,
    max(at) FILTER (WHERE name = 'order_completed') AS last_order_at,
    {_latest(dialect, "order_completed", "category")} AS last_category,
    count(DISTINCT {_json(dialect, "properties", "category")})
      FILTER (WHERE {_within("order_completed", 365, now)}) AS categories_365d,
    count(*) FILTER (WHERE {_within("order_completed", 365, now)}
      AND {_json(dialect, "properties", "coupon")} IS NOT NULL) AS coupon_orders_365d,
    {_count("page_viewed", 30, now)} AS views_30d,
    max(at) FILTER (WHERE name = 'page_viewed') AS last_view_at,
    {_latest(dialect, "page_viewed", "category")} AS viewed_category,
    {_count("review_posted", 180, now)} AS reviews_180d,
    {_count("community_post", 90, now)} AS posts_90d,
    {_count("product_shared", 90, now)} AS shares_90d,
    {_count("referral_made", 365, now)} AS referrals_365d,
    CAST({_latest(dialect, "survey_answered", "score")} AS BIGINT) AS last_score,
    count(*) FILTER (WHERE {_complaint(dialect)} AND at > {now} - {30 * DAY}) AS complaints_30d,
    {_edge(dialect, now)} AS edge_at
  FROM users u {users} LEFT JOIN event e ON e.user_id = u.id AND e.at <= {now}
  GROUP BY u.id
) f
"""


def _json(dialect: Dialect, column: str, key: str) -> str:
    return f"json_extract({column}, '$.{key}')" if dialect.name == "sqlite" else f"{column} ->> '{key}'"


def _within(event: str, days: int, now: str) -> str:
    return f"name = '{event}' AND at > {now} - {days * DAY}"


def _count(event: str, days: int, now: str) -> str:
    return f"count(*) FILTER (WHERE {_within(event, days, now)})"


def _latest(dialect: Dialect, event: str, key: str) -> str:
    return (
        f"(SELECT {_json(dialect, 'l.properties', key)} FROM event l"
        f" WHERE l.user_id = u.id AND l.name = '{event}' ORDER BY l.at DESC LIMIT 1)"
    )


def _complaint(dialect: Dialect) -> str:
    return _COMPLAINT.format(topic=_json(dialect, "properties", "topic"))


def _edge(dialect: Dialect, now: str) -> str:
    """Return when the next event leaves a window."""
    ends = [
        f"coalesce(min(at) FILTER (WHERE {_within(event, days, now)}) + {days * DAY}, {NEVER})"
        for event, several in _WINDOWS.items()
        for days in several
    ]
    complaint = f"min(at) FILTER (WHERE {_complaint(dialect)} AND at > {now} - {30 * DAY})"
    return dialect.least(*ends, f"coalesce({complaint} + {30 * DAY}, {NEVER})")
