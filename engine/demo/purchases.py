"""When a customer buys: determined by their order rate, a drop-out probability after each order, and the seasons.

This is a BG/NBD process (gamma-distributed rates, beta-distributed drop-out) with three additions familiar to shops:
many customers never buy, orders follow the seasons, and some customers come back after a long time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from engine.demo.people import Customer, local_instant
from engine.demo.seasons import demand_of
from engine.demo.spec import DemoSpec

_RETURNS = 0.22
"""The share of dropped-out customers who come back once."""
_COUPONS = ("SPRING", "SUMMER", "FRIENDS", "NOVEMBER", "FREESHIP")


@dataclass(frozen=True, slots=True)
class Purchase:
    """One order. ``amount`` is in minor units; after a ``last`` order the customer is inactive for a long time."""

    number: int
    day: int
    at: int
    amount: int
    category: str
    items: int
    coupon: str | None
    last: bool


def purchases(spec: DemoSpec, customer: Customer, rng: Random) -> Iterator[Purchase]:
    """Yield a customer's orders up to the end of the history, by day."""
    if not customer.ever_buys:
        return
    demand = demand_of(customer.country.calendar, spec.start, spec.days)
    # The first order comes soon after sign-up: it is what many customers sign up for.
    demanded = demand.at(customer.joined_day) + rng.expovariate(1 / 9)
    number = 0
    while (day := demand.day_at(demanded)) is not None:
        number += 1
        last = rng.random() < customer.drop_out
        yield _purchase(spec, customer, rng, number=number, day=day, last=last)
        if last and rng.random() >= _RETURNS:
            return
        demanded += 190 + rng.expovariate(1 / 90) if last else rng.expovariate(customer.order_rate)


def _purchase(spec: DemoSpec, customer: Customer, rng: Random, *, number: int, day: int, last: bool) -> Purchase:
    items = 1 + int(rng.expovariate(1.1))
    coupon = rng.choice(_COUPONS) if rng.random() < customer.coupon_share else None
    units = customer.basket * rng.lognormvariate(0, 0.45) * (1 + 0.25 * (items - 1)) * (0.88 if coupon else 1)
    ending = rng.choice((0, 50, 90)) * spec.currency_scale // 100
    at = max(local_instant(spec.start, day, customer.city, rng), customer.joined_at + 600_000)
    return Purchase(
        number=number,
        day=day,
        at=at,
        amount=max(4, round(units)) * spec.currency_scale + ending,
        category=rng.choice(customer.favourites),
        items=items,
        coupon=coupon,
        last=last,
    )
