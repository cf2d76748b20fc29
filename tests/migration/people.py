"""The customers of the migration test's brand and what they do: before, during and after the warm-up. Chance is seeded."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from tests.migration.life import AFTER, BEFORE, FIRST_DAY, USERS, tick_at

SEED = 5
LATE = 150
"""Customers who registered between the last tick before the snapshot and the snapshot itself."""

END = tick_at(AFTER[-1])
_LAST_TICK = tick_at(BEFORE[-1])
_NAMES = ("Ada", "Ben", "Cleo", "Jörg", "Zoë", "Mia", "Noah", "Ida", "李娜", "Finn", "Emma", "O'Neill")
_CATEGORIES = ("roses", "herbs", "bulbs", "tools", "trees")
_HOMES = (
    *[("DE", "Europe/Berlin")] * 4,
    *[("US", "America/New_York")] * 3,
    ("GB", "Europe/London"),
    ("CN", "Asia/Shanghai"),
    (None, None),
)
_LOCALES = (*["en"] * 9, *["de"] * 6, "de-AT", "de-AT", "fr", None, None)


@dataclass(frozen=True, slots=True)
class Deed:
    """An event: its key, name, instant, amount in cents and its other properties."""

    key: str
    name: str
    at: datetime
    amount: int | None
    properties: dict[str, str | int]


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer; ``consent`` is their word on email, None where they never gave it."""

    number: int
    joined_at: datetime
    email: str | None
    phone: str | None
    locale: str | None
    country: str | None
    timezone: str | None
    attributes: dict[str, str | bool | int]
    consent: bool | None
    deeds: tuple[Deed, ...]

    @property
    def key(self) -> str:
        """The brand's key."""
        return f"c{self.number:05d}"


def customers() -> Iterator[Customer]:
    """Yield all customers in the order in which they registered."""
    rng = Random(f"{SEED}/joined")
    early = sorted(
        _minutes(rng, -90, 19) if rng.random() < 0.2 else _minutes(rng, -90, -2) for _ in range(USERS - LATE)
    )
    late = sorted(_LAST_TICK + timedelta(minutes=rng.randrange(1, 120)) for _ in range(LATE))
    for number, joined_at in enumerate([*early, *late], start=1):
        yield _customer(number, joined_at)


def _minutes(rng: Random, first: int, last: int) -> datetime:
    return FIRST_DAY + timedelta(minutes=rng.randrange(first * 1_440, last * 1_440))


def _customer(number: int, joined_at: datetime) -> Customer:
    rng = Random(f"{SEED}/{number}")
    country, timezone = rng.choice(_HOMES)
    deeds = sorted(_deeds(rng, joined_at), key=lambda deed: deed[1])
    return Customer(
        number,
        joined_at,
        _email(rng, number),
        f"+49301{number:06d}" if rng.random() < 0.5 else None,
        rng.choice(_LOCALES),
        country,
        timezone,
        dict(_attributes(rng)),
        _consent(rng),
        tuple(Deed(f"c{number:05d}-{n}", *deed) for n, deed in enumerate(deeds, start=1)),
    )


def _email(rng: Random, number: int) -> str | None:
    drawn = rng.random()
    if drawn < 0.02:
        return None
    return f"c{number}.example.com" if drawn < 0.03 else f"c{number}@example.com"


def _attributes(rng: Random) -> Iterator[tuple[str, str | bool | int]]:
    if rng.random() < 0.8:
        yield "first_name", rng.choice(_NAMES)
    if rng.random() < 0.7:
        yield "birthday", (date(rng.randrange(1950, 2006), 1, 1) + timedelta(days=rng.randrange(365))).isoformat()
    if rng.random() < 0.3:
        yield "member", True
    if rng.random() < 0.2:
        yield "shoe_size", rng.randrange(35, 47)


def _consent(rng: Random) -> bool | None:
    drawn = rng.random()
    return True if drawn < 0.88 else False if drawn < 0.94 else None


_Deed = tuple[str, datetime, int | None, dict[str, str | int]]


def _deeds(rng: Random, joined_at: datetime) -> Iterator[_Deed]:
    if rng.random() < 0.3:
        yield "registered", joined_at, None, {"source": rng.choice(("web", "shop"))}
    yield from _orders(rng, joined_at)
    at = joined_at
    while rng.random() < 0.7 and (at := _later(rng, at, 60)) <= END:
        category = rng.choice(_CATEGORIES)
        for _ in range(rng.choice((1, 2, 2))):
            at += timedelta(minutes=rng.randrange(1, 4_000))
            yield "page_viewed", at, None, {"category": category}
    if rng.random() < 0.12:
        yield "support_contacted", _later(rng, joined_at, 45), None, {"topic": rng.choice(("complaint", "question"))}


def _orders(rng: Random, joined_at: datetime) -> Iterator[_Deed]:
    """Some never buy, some stop at some time, some go on."""
    kind = rng.random()
    if kind < 0.25:
        return
    end = END if kind > 0.6 else joined_at + timedelta(days=rng.randrange(5, 60))
    at = joined_at
    while (at := _later(rng, at, 36)) <= min(end, END):
        coupon: dict[str, str | int] = {"coupon": "SPRING"} if rng.random() < 0.2 else {}
        amount = 100 * int(rng.lognormvariate(3.9, 0.6)) + rng.choice((0, 50, 99))
        yield "order_completed", at, amount, {"category": rng.choice(_CATEGORIES), **coupon}
        if rng.random() < 0.25:
            yield "review_posted", _later(rng, at, 5), None, {"rating": rng.randrange(1, 6)}


def _later(rng: Random, at: datetime, days: float) -> datetime:
    """Return an instant some time after ``at``: ``days`` on average."""
    return at + timedelta(minutes=1 + int(rng.expovariate(1 / (days * 1_440))))
