"""The CDNOW customers read straight from the file, without the engine: facts and placements by plain Python."""

import csv
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from itertools import accumulate
from pathlib import Path

DAY = 86_400_000
TIERS = ["high", "mid", "low"]


@dataclass(frozen=True)
class Order:
    """One order: its instant (UTC midnight of the day), cents, number of CDs."""

    at: int
    cents: int
    cds: int


@dataclass(frozen=True)
class Facts:
    """What tests/cdnow/brand/rules/facts.toml declares, computed by hand."""

    orders: int
    orders_90d: int
    spend_total: int
    spend_365d: int
    largest_order: int | None
    smallest_order: int | None
    first_order_at: int | None
    last_order_at: int | None
    last_cds: int | None
    cds_kinds: int
    big_orders: int
    average_order: float | None


@dataclass
class Customer:
    """One customer's orders in the order of time and of the file, and where they stand."""

    orders: list[Order] = field(default_factory=list)
    value: str | None = None
    value_wait: int | None = None
    lifecycle: str | None = None
    collector: bool = False
    single: bool = False

    def facts(self, now: int) -> Facts:
        """Compute every fact at ``now``."""
        past = self.orders[: bisect_right(self.orders, now, key=lambda order: order.at)]
        recent = [order for order in past if order.at > now - 90 * DAY]
        year = [order for order in past if order.at > now - 365 * DAY]
        cents = [order.cents for order in past]
        total = sum(cents)
        return Facts(
            orders=len(past),
            orders_90d=len(recent),
            spend_total=total,
            spend_365d=sum(order.cents for order in year),
            largest_order=max(cents, default=None),
            smallest_order=min(cents, default=None),
            first_order_at=past[0].at if past else None,
            last_order_at=past[-1].at if past else None,
            last_cds=past[-1].cds if past else None,
            cds_kinds=len({order.cds for order in past}),
            big_orders=sum(order.cds >= 3 for order in past),
            average_order=total / len(past) if past else None,
        )

    def look(self, now: int) -> None:
        """Follow the rules of tests/cdnow/brand for one tick."""
        orders = bisect_right(self._instants, now)
        year = self._cents[orders] - self._cents[bisect_right(self._instants, now - 365 * DAY)]
        recent = orders - bisect_right(self._instants, now - 90 * DAY)
        self._look_value(year, recent, now)
        days = (now - self._instants[orders - 1]) // DAY if orders else None
        self._look_lifecycle(orders, days)
        in_time = self.lifecycle in ("new", "active")
        self.collector = (self._big[orders] >= 2 and in_time) or (self.collector and self.lifecycle != "churned")
        self.single = orders == 1

    # Running totals: two million looks take seconds by them, and minutes by `facts`.

    @cached_property
    def _instants(self) -> list[int]:
        return [order.at for order in self.orders]

    @cached_property
    def _cents(self) -> list[int]:
        return list(accumulate((order.cents for order in self.orders), initial=0))

    @cached_property
    def _big(self) -> list[int]:
        return list(accumulate((order.cds >= 3 for order in self.orders), initial=0))

    def _look_value(self, year: int, recent: int, now: int) -> None:
        keeps = self.value == "high" and year >= 20_000
        below = "mid" if year >= 6_000 else "low"
        wanted = "high" if keeps or (year >= 30_000 and recent >= 2) else below
        if self.value is not None and TIERS.index(wanted) > TIERS.index(self.value):
            self.value_wait = self.value_wait if self.value_wait is not None else now
            if now < self.value_wait + {"high": 30, "mid": 14}[self.value] * DAY:
                return
        self.value, self.value_wait = wanted, None

    def _look_lifecycle(self, orders: int, days: int | None) -> None:
        if self.lifecycle is not None:
            self.lifecycle = self._hop(self.lifecycle, orders, days)
            return
        stage, seen = "potential", {"potential"}
        while (after := self._hop(stage, orders, days)) not in seen:
            seen.add(after)
            stage = after
        self.lifecycle = stage

    @staticmethod
    def _hop(stage: str, orders: int, days: int | None) -> str:
        if days is not None and days > 180 and stage in ("new", "active", "at_risk"):
            return "churned"
        if days is not None and days > 90 and stage in ("new", "active"):
            return "at_risk"
        if days is not None and days <= 30 and stage in ("at_risk", "churned"):
            return "active"
        if stage == "new" and orders >= 2:
            return "active"
        return "new" if stage == "potential" and orders >= 1 else stage

    @property
    def taste(self) -> str:
        """The segments as the store writes them."""
        return "|" + "collector|" * self.collector + "single|" * self.single


def read(path: Path) -> dict[str, Customer]:
    """Read the file: customer number -> customer."""
    customers: dict[str, Customer] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            at = int(datetime.fromisoformat(row["date"]).replace(tzinfo=UTC).timestamp()) * 1000
            order = Order(at, int(Decimal(row["amount"]) * 100), int(row["cds"]))
            customers.setdefault(row["customer_id"], Customer()).orders.append(order)
    for customer in customers.values():
        customer.orders.sort(key=lambda order: order.at)
    return customers
