"""Money: which currencies there are, how many minor units each has, and amounts as people of a language write them.

The minor units are those of ISO 4217, because amounts are stored in them. CLDR, by which Babel writes amounts, leaves
decimals away that ISO 4217 has but nobody uses (HUF, IDR, IQD); such decimals are shown where an amount has them.
"""

import re
from decimal import Decimal, localcontext

from babel import Locale
from babel.numbers import format_currency, get_currency_precision, parse_pattern
from iso4217 import Currency

LONGEST = 60
"""Digits of the longest number that is written."""

_LETTER_BEFORE_DIGIT = re.compile(r"(?<=[^\W\d_])(?=\d)")
_NO_BREAK = "\u00a0"


def currencies() -> tuple[str, ...]:
    """Return the codes of all currencies that have a minor unit, or are one themselves."""
    return tuple(currency.code for currency in Currency if currency.exponent is not None)


def minor_digits(currency: str) -> int:
    """Return how many decimals a currency has (ISO 4217).

    Raises:
        ValueError: there is no such currency.
    """
    digits = Currency(currency).exponent if currency in Currency.__members__ and currency.isupper() else None
    if digits is None:
        raise ValueError(f"`{currency}` is not a currency: write its code, such as `EUR` (ISO 4217)")
    return int(digits)


def format_amount(amount: int, currency: str, locale: Locale) -> str:
    """Write ``amount`` minor units of ``currency``: ``¥1,234.50``, ``1.234,50 €``.

    Raises:
        ValueError: there is no such currency.
        ArithmeticError: the amount has more than ``LONGEST`` digits.
    """
    digits = minor_digits(currency)
    with localcontext() as context:
        context.prec = LONGEST
        value = Decimal(amount).scaleb(-digits)
        usual = get_currency_precision(currency)
        if digits == usual or value == value.quantize(Decimal(1).scaleb(-usual)):
            written = format_currency(value, currency, locale=locale)
        else:
            pattern = parse_pattern(locale.currency_formats["standard"].pattern)
            pattern.frac_prec = (digits, digits)
            written = pattern.apply(value, locale, currency=currency, currency_digits=False)
    # CLDR keeps letters and digits apart (`CHF 5`); Babel does not do so yet.
    return _LETTER_BEFORE_DIGIT.sub(_NO_BREAK, written)
