"""Money, numbers and dates as people of a language write them.

Enough for the languages that lifecycle mail is commonly sent in; a language that is not listed gets English
separators and ISO dates. Locales are BCP 47 tags such as ``zh-CN``.
"""

from collections.abc import Iterator
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

_SYMBOLS = {
    "CNY": "¥", "JPY": "¥", "USD": "$", "EUR": "€", "GBP": "£", "HKD": "HK$", "TWD": "NT$", "KRW": "₩", "INR": "₹",
    "AUD": "A$", "CAD": "C$", "NZD": "NZ$", "SGD": "S$", "BRL": "R$", "THB": "฿", "VND": "₫", "PHP": "₱", "ILS": "₪",
}  # fmt: skip
_NO_MINOR_UNIT = frozenset(["CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF", "XPF"])
_THOUSANDTHS = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])

_SEPARATORS = {
    **dict.fromkeys(("de", "es", "it", "nl", "pt", "id", "tr", "da"), (".", ",")),
    **dict.fromkeys(("fr", "ru", "pl", "cs", "sv", "nb", "no", "fi", "uk"), ("\u00a0", ",")),
}
"""Language -> what stands between thousands, and before decimals. Others: comma and point."""

_SYMBOL_BEHIND = frozenset(["de", "es", "it", "fr", "ru", "pl", "cs", "sv", "nb", "no", "fi", "uk", "da", "pt"])

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_MONTH_FIRST = frozenset(("en", "en-us", "en-ca", "en-ph"))


def language(locale: str) -> str:
    """Return the language of a locale: ``zh`` of ``zh-Hant-CN``."""
    return locale.replace("_", "-").split("-", 1)[0].lower()


def fallbacks(locale: str) -> Iterator[str]:
    """Yield the lower-case locales to try, closest first: zh-hant-cn, zh-hant, zh-cn, zh."""
    subtags = locale.replace("_", "-").lower().split("-")
    if subtags == [""]:
        return
    for length in range(len(subtags), 1, -1):
        yield "-".join(subtags[:length])
    if len(subtags) > 2:
        yield f"{subtags[0]}-{subtags[-1]}"
    yield subtags[0]


def minor_digits(currency: str) -> int:
    """Return how many decimals a currency has (ISO 4217)."""
    if currency in _NO_MINOR_UNIT:
        return 0
    return 3 if currency in _THOUSANDTHS else 2


@lru_cache(maxsize=256)
def _style(locale: str) -> tuple[str, str, bool]:
    """Return what stands between thousands, what before decimals, and whether a currency's symbol comes behind."""
    tongue = language(locale)
    return (*_SEPARATORS.get(tongue, (",", ".")), tongue in _SYMBOL_BEHIND)


def format_number(number: Decimal, locale: str, digits: int | None = None) -> str:
    """Write a number with the separators of ``locale``, rounded half up to ``digits`` decimals where given."""
    if digits is not None:
        number = number.quantize(Decimal(1).scaleb(-min(max(digits, 0), 10)), ROUND_HALF_UP)
    between, point, _ = _style(locale)
    whole, _, decimals = f"{number:,f}".partition(".")
    return whole.replace(",", between) + (point + decimals if decimals else "")


def format_money(amount: int, currency: str, locale: str) -> str:
    """Write ``amount`` minor units of ``currency``: ``¥1,234.50``, ``1.234,50 €``; unknown currencies by their code."""
    between, point, behind = _style(locale)
    digits = minor_digits(currency)
    whole, minor = divmod(abs(amount), 10**digits)
    number = f"{whole:,}".replace(",", between) + (f"{point}{minor:0{digits}d}" if digits else "")
    sign = "-" if amount < 0 else ""
    symbol = _SYMBOLS.get(currency, currency)
    if behind:
        return f"{sign}{number}\u00a0{symbol}"
    space = "\u00a0" if len(symbol) == 3 and symbol.isalpha() else ""
    return f"{sign}{symbol}{space}{number}"


def format_date(day: date, locale: str) -> str:
    """Write a day in full: ``January 31, 2026``, ``31 January 2026``, ``2026年1月31日``; ISO in other languages."""
    tongue = language(locale)
    if tongue in ("zh", "ja"):
        return f"{day.year}年{day.month}月{day.day}日"
    if tongue != "en":
        return day.isoformat()
    month = _MONTHS[day.month - 1]
    if locale.replace("_", "-").lower() in _MONTH_FIRST:
        return f"{month} {day.day}, {day.year}"
    return f"{day.day} {month} {day.year}"
