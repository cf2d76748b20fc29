"""The filters that templates can use. Each takes plain values and returns one of limited size."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, cast
from urllib.parse import quote
from zoneinfo import ZoneInfo

from jinja2 import Undefined
from jinja2.exceptions import FilterArgumentError

from engine.clock import to_datetime
from engine.messages.locales import Formats
from engine.messages.sandbox import Frames, bounded_text, has_slots, printable

MAX_ITEMS = 10_000
LARGEST = 10**18
"""Upper limit of numbers: a larger one is an error in the data, and could take forever to write out."""


def _text(value: object) -> str:
    if has_slots(value):
        raise FilterArgumentError("a filter cannot take a macro's result; apply it to the value inside the macro")
    return printable(value)


def _items(value: Any) -> list[Any]:
    if isinstance(value, Undefined):
        str(value)
    if not isinstance(value, (list, tuple, range, Mapping)) or len(value) > MAX_ITEMS:
        raise FilterArgumentError(f"takes a list of at most {MAX_ITEMS:,}")
    return list(value)


def _default(value: Any, other: Any = "", empty_too: bool = False) -> Any:
    """Return ``other`` if the value does not exist or is None; with ``true`` also if it is empty."""
    if isinstance(value, Undefined) or value is None or (empty_too and not value):
        return other
    return value


def _truncate(value: object, length: int = 255, end: str = "…") -> str:
    text = _text(value)
    return text if len(text) <= length else text[: max(0, length - len(end))].rstrip() + end


def _replace(value: object, old: str, new: str) -> str:
    text, old, new = _text(value), _text(old), _text(new)
    if not old:
        raise FilterArgumentError("`replace` takes the text to look for, then its replacement")
    if text.count(old) * len(new) > MAX_ITEMS * 10:
        raise FilterArgumentError("`replace` makes the text too long")
    return bounded_text(text.replace(old, new))


def _join(values: Any, separator: str = "") -> str:
    return bounded_text(_text(separator).join(_text(value) for value in _items(values)))


def _number_of(value: Any) -> int | float | Decimal:
    if isinstance(value, Undefined):
        str(value)
    number = value
    try:
        if not isinstance(value, (int, float, Decimal)) or isinstance(value, bool):
            number = Decimal(_text(value)[:40])
        fits = -LARGEST < number < LARGEST
    except InvalidOperation:  # not a number, or NaN
        raise FilterArgumentError("takes a number") from None
    if not fits:
        raise FilterArgumentError("takes a number of at most 18 digits")
    return cast("int | float | Decimal", number)


def _round(value: Any, digits: int = 0) -> int | float | Decimal:
    """Round half away from zero, to ``digits`` decimals; to a whole number by default."""
    number = Decimal(str(_number_of(value)))
    rounded = number.quantize(Decimal(1).scaleb(-min(max(digits, 0), 10)), "ROUND_HALF_UP")
    return rounded if digits > 0 else int(rounded)


def _length(value: Any) -> int:
    if isinstance(value, str):
        return len(_text(value))
    return len(_items(value))


def _first(values: Any) -> Any:
    items = _items(values)
    return items[0] if items else None


def _last(values: Any) -> Any:
    items = _items(values)
    return items[-1] if items else None


def _pairs(mapping: Any) -> list[tuple[Any, Any]]:
    if not isinstance(mapping, Mapping):
        raise FilterArgumentError("`items` takes a mapping")
    return list(mapping.items())[:MAX_ITEMS]


def _moment(value: Any, zone: str) -> date:
    """Return the calendar day of an instant (in ``zone``), an ISO date or an ISO date and time."""
    if isinstance(value, Undefined):
        str(value)
    if isinstance(value, date):
        return value
    own, instant = ZoneInfo(zone), isinstance(value, int) and not isinstance(value, bool)
    try:
        moment = to_datetime(value) if instant else datetime.fromisoformat(_text(value))
        return (moment.astimezone(own) if moment.tzinfo else moment).date()
    except (ValueError, OverflowError, OSError):  # also raised for years out of range
        raise FilterArgumentError("`date` takes an instant or a date such as 2026-01-31") from None


def _texts(change: Callable[[str], str]) -> Callable[[object], str]:
    return lambda value: bounded_text(change(_text(value)))


def _localized(frames: Frames) -> dict[str, Callable[..., Any]]:
    formats = Formats()

    def money(value: Any, currency: str = "") -> str:
        amount = _number_of(value)
        if amount != int(amount):
            raise FilterArgumentError("`money` takes an amount in minor units, a whole number")
        try:
            return formats.money(int(amount), currency or frames.current.currency, frames.current.locale)
        except ValueError as error:
            raise FilterArgumentError(str(error)) from None

    def day(value: Any) -> str:
        return formats.date(_moment(value, frames.current.zone), frames.current.locale)

    def number(value: Any, digits: int | None = None) -> str:
        try:
            return formats.number(Decimal(str(_number_of(value))), frames.current.locale, digits)
        except ArithmeticError:
            raise FilterArgumentError("`number` takes a number that can be written out") from None

    return {"money": money, "date": day, "number": number}


def filters_of(frames: Frames) -> dict[str, Callable[..., Any]]:
    """Return all filters by name; the localized ones use the locale of the current render."""
    identity: Callable[[Any], Any] = lambda value: value  # noqa: E731  # escaping is on for everything anyway
    return {
        **_localized(frames),
        "default": _default,
        "d": _default,
        "upper": _texts(str.upper),
        "lower": _texts(str.lower),
        "title": _texts(str.title),
        "capitalize": _texts(str.capitalize),
        "trim": _texts(str.strip),
        "string": _texts(str),
        "urlencode": _texts(lambda text: quote(text, safe="")),
        "truncate": _truncate,
        "replace": _replace,
        "join": _join,
        "round": _round,
        "int": lambda value: int(_number_of(value)),
        "abs": lambda value: abs(_number_of(value)),
        "length": _length,
        "count": _length,
        "first": _first,
        "last": _last,
        "items": _pairs,
        "e": identity,
        "escape": identity,
    }
