"""Facts in plain Python, written from the description alone: what the SQL must agree with."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

DAY = 86_400_000


@dataclass(frozen=True)
class Happened:
    """One event of one user."""

    id: int
    user: int
    name: str
    at: int
    amount: int | None = None
    properties: dict[str, Any] = field(default_factory=dict)


def mean(values: Sequence[int]) -> float:
    """Divide doubles, as the databases do: a sum beyond 2**53 is rounded before it is divided."""
    return float(sum(values)) / len(values)


def in_window(events: Sequence[Happened], name: str, now: int, within: int | None = None) -> list[Happened]:
    found = [event for event in events if event.name == name and event.at <= now]
    if within is not None:
        found = [event for event in found if now - event.at < within]
    return sorted(found, key=lambda event: (event.at, event.id))


def whole(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if value == int(value) and abs(value) <= 2**53 else None


def text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def facts_of(events: Sequence[Happened], now: int) -> dict[str, Any]:
    """Return the facts that ``FACTS`` of test_refresh.py declares, for the events of one user."""
    orders, recent = in_window(events, "order", now), in_window(events, "order", now, 10 * DAY)
    week, views = in_window(events, "order", now, 7 * DAY), in_window(events, "view", now)
    amounts = [order.amount for order in orders if order.amount is not None]
    paid_week = [order.amount for order in week if order.amount is not None]
    beauty = [order for order in recent if order.properties.get("category") == "beauty"]
    spend_10d = sum(order.amount or 0 for order in recent)
    categories = {text(order.properties.get("category")) for order in orders} - {None}
    items = [count for order in orders if (count := whole(order.properties.get("items"))) is not None]
    last = orders[-1].at if orders else None
    share = len(beauty) / len(recent) if recent else None
    return {
        "orders": len(orders),
        "orders_10d": len(recent),
        "orders_7d": len(week),
        "beauty_10d": len(beauty),
        "spend": sum(amounts),
        "spend_10d": spend_10d,
        "average": mean(amounts) if amounts else None,
        "average_7d": mean(paid_week) if paid_week else None,
        "smallest": min(amounts, default=None),
        "largest": max(amounts, default=None),
        "first_at": orders[0].at if orders else None,
        "last_at": last,
        "first_category": text(orders[0].properties.get("category")) if orders else None,
        "last_category": text(orders[-1].properties.get("category")) if orders else None,
        "categories": len(categories),
        "items": sum(items),
        "items_average": mean(items) if items else None,
        "views_3d": len(in_window(events, "view", now, 3 * DAY)),
        "last_view_paid": views[-1].properties.get("paid") if views and _is_boolean(views[-1]) else None,
        "beauty_share": share,
        "mostly_beauty": None if share is None else share > 0.5,
        "idle_days": None if last is None else (now - last) // DAY,
    }


def _is_boolean(event: Happened) -> bool:
    return isinstance(event.properties.get("paid"), bool)
