"""Generating customers' behaviour, as events in order of time."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from random import Random

import orjson

from engine.clock import DAY, HOUR
from engine.demo.devices import devices_of
from engine.demo.people import CATEGORIES, Customer, joined_by, local_instant, make_customer, user_row
from engine.demo.purchases import Purchase, purchases
from engine.demo.seasons import demand_of
from engine.demo.spec import DemoSpec
from engine.intake.rows.model import DeviceRow, EventRow, Json, UserRow

_TOPICS = ("care", "gifts", "scents", "refills")
_COMPLAINTS = ("delivery", "question", "complaint")
_LOST = 0.12
"""The share of visits that customers still make after they have stopped buying."""


@dataclass(frozen=True, slots=True)
class CustomerHistory:
    """One customer, all their events, and their devices, as they were seen up to the end."""

    user: UserRow
    events: tuple[EventRow, ...]
    devices: tuple[DeviceRow, ...]


def event_key(seed: int, index: int, strand: str) -> str:
    """Return the key of an event of customer ``index`` (from 0); their first event is in the strand ``joined``."""
    return f"demo-{seed}-{index + 1}-{strand}"


class _HistoryBuilder:
    """Generates one customer's events.

    Each strand of events has its own random generator and goes forward in time, so a later end only adds events.
    """

    def __init__(self, spec: DemoSpec, customer: Customer) -> None:
        self._spec = spec
        self._customer = customer

    def _rng(self, strand: str) -> Random:
        return Random(f"{self._spec.seed}/{self._customer.index}/{strand}")

    def _event(self, strand: str, at: int, name: str, amount: int | None = None, **more: Json) -> EventRow:
        properties = {key: value for key, value in more.items() if value is not None}
        key = event_key(self._spec.seed, self._customer.index, strand)
        return EventRow(
            key, self._customer.key, name, at, amount, orjson.dumps(properties).decode() if properties else None
        )

    def events(self) -> Iterator[EventRow]:
        """Yield all events, strand by strand."""
        channel = joined_by(self._customer.index)
        yield self._event("joined", self._customer.joined_at, "registered", channel=channel)
        after = self._rng("after")
        for order in self._purchases:
            yield from self._order(order, after)
        yield from self._visits()
        yield from self._words()

    @cached_property
    def _purchases(self) -> tuple[Purchase, ...]:
        return tuple(purchases(self._spec, self._customer, self._rng("orders")))

    def _order(self, order: Purchase, rng: Random) -> Iterator[EventRow]:
        """Yield the order, the visit that led to it, and what may follow: a review, a question, a survey."""
        strand = f"o{order.number}"
        number = f"M-{(self._customer.index * 101 + order.number) % 900_000 + 100_000}"
        yield self._event(
            strand, order.at, "order_completed", order.amount,
            category=order.category, items=order.items, coupon=order.coupon, order=number,
        )  # fmt: skip
        before = max(self._customer.joined_at + 60_000, order.at - int(rng.expovariate(1 / 40) * 60_000) - 120_000)
        yield self._event(f"{strand}-v", before, "page_viewed", category=order.category)
        content = self._customer.satisfaction - (0.35 if order.last else 0)
        if rng.random() < min(0.5, 0.05 + 0.12 * self._customer.sociability):
            at = order.at + int(rng.uniform(6, 28) * DAY)
            rating = max(1, min(5, round(1.2 + 4 * content + rng.gauss(0, 0.5))))
            yield self._event(f"{strand}-r", at, "review_posted", rating=rating, category=order.category)
        if rng.random() < 0.025 + 0.10 * max(0.0, 0.6 - content):
            at = order.at + int(rng.uniform(1, 9) * DAY)
            yield self._event(f"{strand}-s", at, "support_contacted", topic=rng.choice(_COMPLAINTS))
        if rng.random() < 0.07:
            at = order.at + int(rng.uniform(20, 30) * DAY)
            score = max(0, min(10, round(2 + 8.5 * content + rng.gauss(0, 1))))
            yield self._event(f"{strand}-q", at, "survey_answered", score=score)

    def _is_away(self, day: int) -> bool:
        """Return whether they have lost interest by ``day``: some time after joining, or after the last order."""
        so_far = bisect_right(self._order_days, day)
        if not so_far:
            return day > self._customer.joined_day + 30
        latest = self._purchases[so_far - 1]
        return latest.last and day > latest.day + 20

    @cached_property
    def _order_days(self) -> list[int]:
        return [order.day for order in self._purchases]

    def _visits(self) -> Iterator[EventRow]:
        rng, customer = self._rng("visits"), self._customer
        demand = demand_of(customer.country.calendar, self._spec.start, self._spec.days)
        demanded, number = demand.at(customer.joined_day), 0
        while (day := demand.day_at(demanded := demanded + rng.expovariate(customer.visit_rate))) is not None:
            number += 1
            at, drawn = local_instant(self._spec.start, day, customer.city, rng), rng.random()
            category = rng.choice(customer.favourites if rng.random() < 0.8 else CATEGORIES)
            if at > customer.joined_at and (drawn < _LOST or not self._is_away(day)):
                yield self._event(f"v{number}", at, "page_viewed", category=category)

    def _words(self) -> Iterator[EventRow]:
        """Yield posts, shares and referrals, according to the customer's sociability."""
        rng, customer = self._rng("words"), self._customer
        day, number = float(customer.joined_day), 0
        rate = 0.0005 + 0.020 * customer.sociability * (1 if customer.ever_buys else 0.3)
        while (day := day + rng.expovariate(rate)) < self._spec.days:
            number += 1
            at, drawn = local_instant(self._spec.start, int(day), customer.city, rng), rng.random()
            topic, category = rng.choice(_TOPICS), rng.choice(customer.favourites)
            if at < customer.joined_at + HOUR or self._is_away(int(day)):
                continue
            if drawn < 0.18:
                yield self._event(f"w{number}", at, "referral_made", channel="link")
            elif drawn < 0.5:
                yield self._event(f"w{number}", at, "community_post", topic=topic)
            else:
                yield self._event(f"w{number}", at, "product_shared", category=category)


def customer_history(spec: DemoSpec, index: int) -> CustomerHistory:
    """Return customer ``index`` (from 0) and their events in order of time."""
    rng = Random(f"{spec.seed}/{index}")
    customer = make_customer(spec, index, rng)
    generated = (event for event in _HistoryBuilder(spec, customer).events() if event.at <= spec.end)
    events = tuple(sorted(generated, key=lambda event: (event.at, event.key)))
    devices = devices_of(customer, events, Random(f"{spec.seed}/{index}/devices"))
    return CustomerHistory(user_row(customer, rng), events, devices)


def generate(spec: DemoSpec) -> Iterator[CustomerHistory]:
    """Yield the brand's customers with their events, leaving out those who would join after the end.

    The result depends only on ``spec``.
    """
    for index in range(spec.users):
        if (history := customer_history(spec, index)).events:
            yield history
