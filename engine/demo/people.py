"""The demo's customers: name, place, addresses, birthday, consents, and the traits that drive their behaviour."""

import math
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from engine.clock import DAY, HOUR, Instant, to_datetime
from engine.demo.countries import COUNTRIES, City, Country
from engine.demo.phones import number_of
from engine.demo.spec import HISTORY_DAYS, DemoSpec
from engine.intake.rows.model import Json, UserRow

CATEGORIES = ("skincare", "fragrance", "makeup", "home", "men")
_POPULARITY = (0.36, 0.24, 0.18, 0.14, 0.08)
_GROWTH = math.log(3)
_DAY_WEIGHTS = (1, 1, 1, 1, 1, 2, 5, 8, 9, 9, 9, 10, 11, 9, 8, 8, 9, 10, 12, 14, 15, 13, 8, 3)
"""Relative activity in each hour of the local day."""
_HOURS = tuple(hour for hour, weight in enumerate(_DAY_WEIGHTS) for _ in range(weight))


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer. Rates are per day; ``sociability``, ``coupon_share`` and ``satisfaction`` are mostly 0 to 1."""

    index: int
    key: str
    """The brand's ID for the customer."""
    country: Country
    city: City
    joined_day: int
    joined_at: Instant
    favourites: tuple[str, ...]
    """Categories to draw from, each repeated according to its popularity with this customer."""
    ever_buys: bool
    """Whether they ever place an order."""
    order_rate: float
    drop_out: float
    """Probability after each order that it was the last."""
    basket: float
    """Median order value, in whole units of the currency."""
    visit_rate: float
    sociability: float
    """How much they post, share and recommend."""
    coupon_share: float
    """Share of their orders that use a coupon."""
    satisfaction: float
    """How satisfied they are with the shop."""


def key_of(index: int) -> str:
    """Return the key of customer ``index`` (from 0)."""
    return f"C{index + 1:07d}"


def joined_by(index: int) -> str:
    """Return where customer ``index`` (from 0) registered: ``app``, ``web`` or ``store``."""
    return "store" if index % 11 == 5 else ("app" if index % 3 else "web")


def make_customer(spec: DemoSpec, index: int, rng: Random) -> Customer:
    """Generate customer ``index`` (from 0)."""
    country = rng.choices(COUNTRIES, [each.weight for each in COUNTRIES])[0]
    city = rng.choices(country.cities, [each.weight for each in country.cities])[0]
    joined_day = _joined_day(rng)
    joined_at = Instant(local_instant(spec.start, joined_day, city, rng))
    if index == 0:  # the first customer joins at the start, so that ``stored_start`` can read the start from the store
        joined_day, joined_at = 0, spec.start
    keenness = rng.gammavariate(0.9, 1.0)
    return Customer(
        index=index,
        key=key_of(index),
        country=country,
        city=city,
        joined_day=joined_day,
        joined_at=joined_at,
        favourites=_favourites(rng),
        ever_buys=rng.random() < 0.66,
        order_rate=keenness / 40,
        drop_out=rng.betavariate(0.9, 3.2),
        basket=rng.lognormvariate(math.log(44), 0.5),
        visit_rate=(0.35 + 0.65 * min(keenness, 4)) * rng.lognormvariate(math.log(0.055), 0.6),
        sociability=rng.gammavariate(0.35, 1.0),
        coupon_share=rng.betavariate(0.7, 2.6),
        satisfaction=rng.betavariate(6, 1.6),
    )


def _joined_day(rng: Random) -> int:
    return int(HISTORY_DAYS * math.log1p(rng.random() * math.expm1(_GROWTH)) / _GROWTH)


def _favourites(rng: Random) -> tuple[str, ...]:
    first, second = (rng.choices(CATEGORIES, _POPULARITY)[0] for _ in range(2))
    if rng.random() < 0.35:
        return (first,)
    return (first,) * 6 + (second,) * 3 + tuple(rng.choices(CATEGORIES, _POPULARITY))


def local_instant(start: int, day: int, city: City, rng: Random) -> int:
    """Return an instant on ``day`` (counted from ``start``), at a likely hour of the city's local day."""
    hour = _HOURS[int(rng.random() * len(_HOURS))]
    return start + day * DAY + int((hour + rng.random() - city.offset) * HOUR)


def user_row(customer: Customer, rng: Random) -> UserRow:
    """Return the customer as a row for intake."""
    first = rng.choice(customer.country.names)
    domain = rng.choice(("example.com", "example.com", "example.org"))
    email = f"{first.ascii}.{customer.index + 1}@{domain}" if rng.random() >= 0.03 else None
    joined = to_datetime(customer.joined_at + int(customer.city.offset * HOUR)).date()
    attributes: dict[str, Json] = {"city": customer.city.name, "registered_on": joined.isoformat()}
    if rng.random() < 0.96:
        attributes["first_name"] = first.name
    if rng.random() < 0.82:
        attributes["birthday"] = (joined - timedelta(days=rng.randint(18 * 366, 74 * 365))).isoformat()
    locale = customer.country.locale if rng.random() < 0.97 else None
    zone = customer.city.zone if rng.random() < 0.97 else None
    consents = _consents("email", 0.70, 0.12, rng)
    if phone := _phone(customer, rng):
        consents |= _consents("sms", 0.55, 0.20, rng)
        if rng.random() < 0.06:
            attributes["preferred_channel"] = rng.choice(("sms", "email"))
    if joined_by(customer.index) == "app":
        consents |= _consents("push", 0.75, 0.10, rng)
    return UserRow(
        key=customer.key,
        email=email,
        phone=phone,
        locale=locale,
        timezone=zone,
        country=customer.country.code,
        created_at=customer.joined_at,
        attributes=attributes,
        consents=consents,
        consent_at=customer.joined_at,
        source="demo",
    )


def _phone(customer: Customer, rng: Random) -> str | None:
    return number_of(customer.country.code, customer.index) if rng.random() < 0.68 else None


def _consents(channel: str, granted: float, refused: float, rng: Random) -> dict[str, bool]:
    """Return what they said about a channel: shares of them said yes and no, the others said nothing."""
    said = rng.random()
    if said < granted:
        return {channel: True}
    return {channel: False} if said < granted + refused else {}
