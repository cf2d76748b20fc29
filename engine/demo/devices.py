"""The devices of the demo's customers: phones with the brand's app, tablets, and browsers that may show notifications."""

from collections.abc import Sequence
from random import Random

from engine.demo.people import Customer, joined_by
from engine.intake.rows.model import DeviceRow, EventRow

_PHONES = ("ios", "android")
_WITH_APP, _SECOND = 0.62, 0.15
"""The shares of those who registered in the app who still have it, and who have it on a second device."""
_BROWSERS = 0.25
"""The share of those who shop on the website whose browser may show notifications."""


def devices_of(customer: Customer, events: Sequence[EventRow], rng: Random) -> tuple[DeviceRow, ...]:
    """Return the customer's devices, the one seen last first; ``events`` are theirs, in order of time.

    Tokens are no platform's: nothing can be sent to them.
    """
    platforms = _platforms(joined_by(customer.index), rng)
    # A second device is one that they used before.
    return tuple(
        DeviceRow(
            customer.key,
            f"demo-{platform}-{rng.getrandbits(64):016x}",
            platform,
            customer.country.locale,
            events[(len(events) - 1) // (1 + number)].at,
            "demo",
        )
        for number, platform in enumerate(platforms if events else ())
    )


def _platforms(joined: str, rng: Random) -> tuple[str, ...]:
    drawn, first, second = rng.random(), rng.choice(_PHONES), rng.choice((*_PHONES, "web"))
    match joined:
        case "app":
            return (first, second) if drawn < _SECOND else (first,) if drawn < _WITH_APP else ()
        case "web":
            return ("web",) if drawn < _BROWSERS else ()
        case _:
            return ()
