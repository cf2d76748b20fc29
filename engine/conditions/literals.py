"""Literals in conditions: exact numbers, instants and dates, and money scaled to minor units."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal

from engine.clock import instant, midnight_utc

MAX_INTEGER = 2**53
"""The largest integer that a double stores exactly, so that both databases compare it the same way."""
MAX_DIGITS = 15
MAX_EXPONENT = 22
"""A decimal of 15 digits times at most 10**±22 becomes the same double everywhere."""

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})")


def number(value: Decimal) -> int | Decimal:
    """Return ``value`` as an ``int`` if it is whole, otherwise without trailing zeros.

    Raises:
        ValueError: the two databases cannot store it identically.
    """
    if abs(value) > MAX_INTEGER:
        raise ValueError(f"the number is too large: at most {MAX_INTEGER}")
    if value == value.to_integral_value():
        return int(value)
    reduced = value.normalize()
    _, digits, exponent = reduced.as_tuple()
    if len(digits) > MAX_DIGITS or int(exponent) < -MAX_EXPONENT:
        raise ValueError(f"the number has too many digits: at most {MAX_DIGITS}, and {MAX_EXPONENT} decimals")
    return reduced


def minor_units(value: int | Decimal, scale: int) -> int:
    """Return an amount in minor units, of which ``scale`` make one unit of the currency.

    Raises:
        ValueError: the amount has more decimals than the currency, or is too large.
    """
    scaled = Decimal(value) * scale
    if scaled != scaled.to_integral_value():
        decimals = len(str(scale)) - 1
        right = "no decimals" if decimals == 0 else f"at most {decimals} decimals"
        raise ValueError(f"the amount {value} has more decimals than the currency: {right}")
    if abs(scaled) > MAX_INTEGER:
        raise ValueError(f"the amount is too large: at most {MAX_INTEGER} minor units")
    return int(scaled)


def instant_of(text: str) -> int:
    """Return the UTC milliseconds of an ISO date (midnight UTC) or an ISO date and time with an offset.

    Raises:
        ValueError: the text is neither.
    """
    if _DATE.fullmatch(text):
        return midnight_utc(_date(text))
    if not _INSTANT.fullmatch(text):
        raise ValueError(f"'{text}' is not a date or time; write '2026-01-31' or '2026-01-31T10:00:00Z'")
    try:
        return instant(datetime.fromisoformat(text).astimezone(UTC))
    except (ValueError, OverflowError) as error:
        raise ValueError(f"'{text}' does not exist in the calendar") from error


def date_of(text: str) -> str:
    """Return ``text`` if it is an ISO date that exists.

    Raises:
        ValueError: it is not.
    """
    if not _DATE.fullmatch(text):
        raise ValueError(f"'{text}' is not a date; write '2026-01-31'")
    return _date(text).isoformat()


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"'{text}' does not exist in the calendar") from error
