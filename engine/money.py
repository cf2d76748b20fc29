"""Money: the known currencies, their minor units, and amounts formatted for a language.

The minor units are those of ISO 4217, because amounts are stored in them. Formatting follows CLDR, which omits decimals
that ISO 4217 has but nobody uses (HUF, IDR, IQD); they are shown if an amount has them.
"""

from babel import Locale
from babel.numbers import get_currency_precision, get_currency_symbol
from iso4217 import Currency

from engine.digits import NumberStyle, style_of

_NO_BREAK = "\u00a0"


def currencies() -> tuple[str, ...]:
    """Return the codes of all currencies that have minor units: not those for gold or for "no currency"."""
    return tuple(currency.code for currency in Currency if currency.exponent is not None)


def minor_digits(currency: str) -> int:
    """Return the number of decimals of a currency (ISO 4217).

    Raises:
        ValueError: there is no such currency.
    """
    digits = Currency(currency).exponent if currency in Currency.__members__ and currency.isupper() else None
    if digits is None:
        raise ValueError(f"`{currency}` is not a currency: write its code, such as `EUR` (ISO 4217)")
    return int(digits)


class AmountStyle:
    """How amounts of one currency are written in one language."""

    def __init__(self, currency: str, locale: Locale) -> None:
        """Look up the style.

        Raises:
            ValueError: there is no such currency.
        """
        self._digits = minor_digits(currency)
        self._usual = min(get_currency_precision(currency), self._digits)
        symbol = get_currency_symbol(currency, locale)
        # CLDR separates letters from digits (`CHF 5`); Babel does not.
        first, last = (_NO_BREAK if letter.isalpha() else "" for letter in (symbol[0], symbol[-1]))
        style = style_of(locale.currency_formats["standard"], locale)
        self._style = NumberStyle(
            before=tuple(part.replace("¤", symbol + (last if part.endswith("¤") else "")) for part in style.before),
            after=tuple(part.replace("¤", (first if part.startswith("¤") else "") + symbol) for part in style.after),
            between=style.between,
            point=style.point,
            groups=style.groups,
        )

    def write(self, amount: int) -> str:
        """Return ``amount``, in minor units, such as ``¥1,234.50`` or ``1.234,50 €``."""
        whole, minor = divmod(abs(amount), 10**self._digits)
        decimals = f"{minor:0{self._digits}d}" if self._digits else ""
        if not decimals[self._usual :].strip("0"):
            decimals = decimals[: self._usual]
        return self._style.write(str(whole), decimals, negative=amount < 0)
