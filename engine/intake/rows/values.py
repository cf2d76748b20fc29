"""Parsing texts and JSON values into stored values: exact money, UTC milliseconds, numbers, booleans, dates.

Every function raises ``BadValue`` with the reason and the remedy, and never guesses.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from math import isfinite

from engine.clock import SECOND, instant
from engine.content.value_types import ValueType
from engine.intake.rows.model import Json

EARLIEST, LATEST = instant(datetime(1, 1, 2, tzinfo=UTC)), instant(datetime(9999, 12, 31, tzinfo=UTC)) - 1
"""Instants between these have a date in every time zone, and so can be shown and compared."""

# Up to this, both databases and every JSON parser are exact; see ValueType.
_LARGEST = 2**53
_GROUPED = r"([+-]?)(\d{{1,3}}(?:[{0}'\u00a0\u202f ]\d{{3}})+|\d+)?(?:{1}(\d*))?"
_NUMBER = {
    ".": re.compile(_GROUPED.format(",", r"\."), re.ASCII),
    ",": re.compile(_GROUPED.format(r"\.", ","), re.ASCII),
}
_SCIENTIFIC = re.compile(r"[+-]?\d+(\.\d+)?[eE][+-]?\d{1,2}", re.ASCII)
_SIGN = re.compile(
    r"([+-]?)(?:([A-Z]{3}|[$\u20ac£¥₹₩₽₺₫฿₴₪₱])\s*)?([^A-Z$\u20ac£¥₹₩₽₺₫฿₴₪₱]*?)(?:\s*([A-Z]{3}|[$\u20ac£¥₹₩₽₺₫฿₴₪₱]))?"
)
# The dollar sign is not listed: it fits any currency, because many use it.
_CURRENCIES = {
    "\u20ac": "EUR", "£": "GBP", "¥": "JPY CNY", "₹": "INR", "₩": "KRW", "₽": "RUB", "₺": "TRY", "₫": "VND",
    "฿": "THB", "₴": "UAH", "₪": "ILS", "₱": "PHP",
}  # fmt: skip
_BOOLEANS = {
    **dict.fromkeys(("true", "t", "yes", "y", "on", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "off", "0"), False),
}
_EPOCH = re.compile(r"-?\d{9,13}(?:\.\d{1,9})?", re.ASCII)


class BadValue(ValueError):
    """A value is rejected; has the reason and the remedy."""

    def __init__(self, reason: str, remedy: str) -> None:
        self.reason, self.remedy = reason, remedy
        super().__init__(f"{reason}: {remedy}")


@dataclass(frozen=True, slots=True)
class Conventions:
    """Conventions for values whose form is ambiguous."""

    zone: tzinfo = UTC
    """The time zone of times that have none."""
    date_format: str | None = None
    """The ``strptime`` format of dates that are not ISO 8601."""
    decimal: str = "."
    """The decimal mark, ``.`` or ``,``."""
    currency_scale: int = 100
    currency: str = ""
    """ISO 4217; amounts in other currencies are refused. If empty, currency signs are ignored."""
    country: str = ""
    """ISO 3166-1, of phone numbers that are written without their country's code; if empty, they are refused."""


def parse_instant(value: Json, reading: Conventions) -> int:
    """Return UTC milliseconds from ISO 8601, seconds or milliseconds since 1970, or the configured format."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _epoch(str(value))
    text = _text(value, "a point in time")
    # Checked first, because `fromisoformat` reads some counts of milliseconds as dates.
    if reading.date_format is None and _EPOCH.fullmatch(text):
        return _epoch(text)
    moment = _moment(text, reading)
    if moment is None:
        raise BadValue("not a date or time", _date_remedy(text))
    return _in_calendar(instant(moment if moment.tzinfo is not None else moment.replace(tzinfo=reading.zone)))


def _in_calendar(at: int) -> int:
    if not EARLIEST <= at <= LATEST:
        raise BadValue("not a date in the calendar", "write a date from 0001-01-02 to 9999-12-30")
    return at


def _moment(text: str, reading: Conventions) -> datetime | None:
    if reading.date_format is not None:
        try:
            return datetime.strptime(text, reading.date_format)  # noqa: DTZ007 - the zone follows
        except ValueError:
            return None
    plain = text.removesuffix(" UTC") + "Z" if text.endswith(" UTC") else text
    try:
        return datetime.fromisoformat(plain)
    except ValueError:
        pass
    try:
        # `2026-11-21 10:00:00 +0100`, the format of several databases.
        return datetime.fromisoformat(re.sub(r"\s+([+-]\d\d:?\d\d)$", r"\1", plain))
    except ValueError:
        return None


def _epoch(text: str) -> int:
    """Read nine or ten digits as seconds (1973 to 2286), thirteen as milliseconds; others are ambiguous."""
    number = Decimal(text)
    digits = len(str(abs(int(number))))
    if digits in (9, 10):
        return int(number * SECOND)
    if digits == 13:
        return int(number)
    raise BadValue("not a count of seconds or milliseconds since 1970", "write 2026-11-21T10:30:00Z")


def _date_remedy(text: str) -> str:
    if re.fullmatch(r"\d{1,2}([/.-])\d{1,2}\1\d{2,4}.*", text):
        return "write 2026-11-21, or give the format with --date-format, such as %d/%m/%Y"
    return "write 2026-11-21, 2026-11-21T10:30:00+01:00 or seconds since 1970"


def parse_date(value: Json, reading: Conventions) -> str:
    """Return ``YYYY-MM-DD`` from a date, or from the date part of a date and time."""
    text = _text(value, "a date")
    moment = _moment(text, reading)
    if moment is None:
        raise BadValue("not a date", _date_remedy(text))
    return date(moment.year, moment.month, moment.day).isoformat()


def parse_money(value: Json, reading: Conventions) -> int:
    """Return exact minor units. The brand's own currency may precede or follow the number."""
    if isinstance(value, str):
        value = _without_sign(value.strip(), reading.currency)
    return _scaled(_decimal(value, reading), reading.currency_scale)


def _without_sign(text: str, currency: str) -> str:
    found = _SIGN.fullmatch(text)
    if found is None:
        return text
    for sign in (found[2], found[4]):
        if sign and sign != "$" and currency and currency not in _CURRENCIES.get(sign, sign):
            raise BadValue("an amount in a different currency", f"convert it to {currency}")
    return found[1] + found[3]


def _scaled(number: Decimal, scale: int) -> int:
    units = number * scale
    if units != int(units):
        places = len(str(scale)) - 1
        raise BadValue(
            "more decimals than the currency has", f"round it to {places} decimal{'s' if places != 1 else ''}"
        )
    return _in_range(int(units))


def parse_integer(value: Json, reading: Conventions) -> int:
    """Return a whole number."""
    number = _decimal(value, reading)
    if number != int(number):
        raise BadValue("not a whole number", "declare the property as `number`, or round it")
    return _in_range(int(number))


def parse_number(value: Json, reading: Conventions) -> float:
    """Return a number as a double."""
    number = float(_decimal(value, reading))
    if not isfinite(number):
        raise BadValue("too large a number", "at most 1.7e308")
    return number


def _decimal(value: Json, reading: Conventions) -> Decimal:
    if isinstance(value, int | float) and not isinstance(value, bool):
        if isinstance(value, float) and not isfinite(value):
            raise BadValue("not a finite number", "write it as 1234.50")
        return Decimal(str(value))
    text = _text(value, "a number")
    found = _NUMBER[reading.decimal].fullmatch(text)
    if found and (found[2] or found[3]):
        whole = re.sub(r"\D", "", found[2] or "0")
        return Decimal(f"{found[1]}{whole}.{found[3] or '0'}")
    if _SCIENTIFIC.fullmatch(text):
        return Decimal(text)
    other = "," if reading.decimal == "." else "."
    if _NUMBER[other].fullmatch(text) and re.search(r"\d", text):
        raise BadValue("not a number with this decimal mark", f"write 1234.50, or import with --decimal {other!r}")
    raise BadValue("not a number", "write it as 1234.50")


def _in_range(number: int) -> int:
    if abs(number) > _LARGEST:
        raise BadValue("too large a number", f"at most {_LARGEST}")
    return number


def parse_boolean(value: Json, _reading: Conventions) -> bool:
    """Return the boolean of ``true``, ``yes``, ``1``, ``on`` and their opposites."""
    if isinstance(value, bool):
        return value
    truth = _BOOLEANS.get(str(value).strip().lower())
    if truth is None:
        raise BadValue("neither true nor false", "write true or false")
    return truth


def parse_text(value: Json, _reading: Conventions) -> str:
    """Return a text without surrounding spaces; numbers and booleans as in JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return _text(value, "a text")


def _text(value: Json, wanted: str) -> str:
    if not isinstance(value, str):
        kind = {bool: "true or false", list: "a list", dict: "an object"}.get(type(value), "nothing")
        raise BadValue(f"{kind} is not {wanted}", f"write {wanted}")
    return value.strip()


PARSERS: dict[ValueType, Callable[[Json, Conventions], Json]] = {
    ValueType.INTEGER: parse_integer,
    ValueType.NUMBER: parse_number,
    ValueType.MONEY: parse_money,
    ValueType.TEXT: parse_text,
    ValueType.BOOLEAN: parse_boolean,
    ValueType.INSTANT: parse_instant,
    ValueType.DATE: parse_date,
}
