"""Plausible values for a preview without a user, from a value's declared type and its name. Never None."""

from collections.abc import Mapping

from engine.clock import DAY, HOUR, Instant, to_datetime
from engine.content.value_types import ValueType
from engine.delivery.pending_message import Coupon
from engine.facts.catalog import FactCatalog
from engine.incentives.form import CouponSection

_TEXTS = (
    ("first_name", "Robin"),
    ("last_name", "Miller"),
    ("name", "Robin Miller"),
    ("city", "Springfield"),
    ("country", "US"),
    ("language", "en"),
    ("locale", "en"),
    ("email", "robin@example.com"),
    ("phone", "+12025550123"),
    ("category", "skincare"),
    ("product", "Hand cream"),
    ("topic", "delivery"),
    ("channel", "web"),
    ("order", "10042"),
    ("url", "https://example.com/"),
)
"""Word -> text: the first word that is part of the name applies."""


def sample_facts(catalog: FactCatalog, now: Instant) -> dict[str, object]:
    """Return a value for every declared fact, as templates read it."""
    return {name: sample_value(name, fact.type, catalog.currency_scale, now) for name, fact in catalog.facts.items()}


def sample_event(name: str, properties: Mapping[str, ValueType], scale: int, now: Instant) -> dict[str, object]:
    """Return an event from an hour ago, with a value for every declared property."""
    values = {key: sample_value(key, kind, scale, now) for key, kind in properties.items()}
    return {"name": name, "at": now - HOUR, **values}


def sample_coupon(section: CouponSection | None, now: Instant) -> Coupon:
    """Return a code that looks like one of the coupon's, but is not valid."""
    prefix = section.prefix if section else ""
    expires_at = None if section is None or section.valid is None else now + section.valid
    return Coupon(f"{prefix}SAMPLE", expires_at, section.worth if section else "")


def sample_value(name: str, kind: ValueType, scale: int, now: Instant) -> object:
    """Return a value of type ``kind``; money in minor units, of which ``scale`` make one unit of the currency."""
    match kind:
        case ValueType.TEXT:
            return next((text for word, text in _TEXTS if word in name), name.replace("_", " "))
        case ValueType.INTEGER:
            return 4 if "score" in name or "rating" in name else 3
        case ValueType.NUMBER:
            return 0.25
        case ValueType.MONEY:
            return 129 * scale
        case ValueType.BOOLEAN:
            return True
        case ValueType.INSTANT:
            return now - 12 * DAY
        case ValueType.DATE:
            return "1990-05-17" if "birth" in name else to_datetime(now - 400 * DAY).date().isoformat()
