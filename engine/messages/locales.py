"""Locales: choosing the template for a reader's language, and formatting numbers and dates.

Locales are BCP 47 tags such as ``zh-CN``. The data is CLDR's, via Babel.
"""

from collections.abc import Collection, Iterator
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.dates import format_date as babel_date

from engine.digits import NumberStyle, style_of
from engine.money import AmountStyle

_ENGLISH = Locale("en")
_MOST_DIGITS = 10
_LONGEST = 60


def language(locale: str) -> str:
    """Return the language of a locale: ``zh`` of ``zh-Hant-CN``."""
    return _subtags(locale)[0]


def best_match(wanted: str, available: Collection[str]) -> str | None:
    """Return the tag in ``available`` that is best for a reader of ``wanted``; None if there is none.

    Only tags with the reader's language and script match: zh-TW, zh-HK and zh-Hant match each other, and so do zh-CN,
    zh-SG and zh-Hans. The tag itself, or an equivalent one, comes first; then the tag without its last subtags (de-AT:
    de); then the closest region by CLDR (es-MX: es-419 before es-ES); last, a tag with only the language.
    """
    mine, own = _maximized(wanted), _subtags(wanted)
    if not own[0]:
        return None

    def distance(tag: str) -> tuple[bool, bool, int, int, str]:
        theirs, meant = _subtags(tag), _maximized(tag)
        kept = len(theirs) if meant == mine or theirs == own[: len(theirs)] else 0
        return (theirs != own, meant != mine, -kept, _steps(mine, meant), tag)

    served = [tag for tag in available if _subtags(tag)[0] and _maximized(tag)[:2] == mine[:2]]
    if served:
        return min(served, key=distance)
    return next((tag for tag in sorted(available) if _subtags(tag) == (mine[0],)), None)


def _subtags(tag: str) -> tuple[str, ...]:
    """Return the subtags in lower case, with deprecated languages replaced: iw becomes he."""
    first, *rest = tag.replace("_", "-").lower().split("-")
    aliases = get_global("language_aliases")
    return (*str(aliases.get(first, first)).lower().split("_"), *rest)


def _maximized(tag: str) -> tuple[str, str, str]:
    """Return language, script and region; missing ones are replaced by the likely ones (UTS 35, 4.3)."""
    first, *rest = _subtags(tag)
    script = next((one.title() for one in rest if len(one) == 4 and one.isalpha()), "")
    region = next((one.upper() for one in rest if len(one) == 2 or (len(one) == 3 and one.isdigit())), "")
    likely = get_global("likely_subtags")
    for key in ((first, script, region), (first, region), (first, script), (first,)):
        found = likely.get("_".join(part for part in key if part))
        if found:
            _, likely_script, likely_region = found.split("_")
            return first, script or likely_script, region or likely_region
    return first, script, region


def _steps(mine: tuple[str, str, str], theirs: tuple[str, str, str]) -> int:
    """Return how many levels above ``mine`` the nearest common ancestor of both locales is."""
    above = set(_ancestors(theirs))
    return next((steps for steps, one in enumerate(_ancestors(mine)) if one in above), 9)


def _ancestors(locale: tuple[str, str, str]) -> Iterator[str]:
    first, script, region = locale
    short = get_global("likely_subtags").get(first, "").split("_")
    name = "_".join((first, *([script] if short[1:2] != [script] else []), region))
    parents = get_global("parent_exceptions")
    while name:
        yield name
        name = parents.get(name) or name.rpartition("_")[0]


def babel_locale(tag: str) -> Locale | None:
    """Return the closest locale that CLDR has data for; None if it does not know the language."""
    subtags = _subtags(tag)
    for length in range(len(subtags), 0, -1):
        try:
            return Locale.parse("_".join(subtags[:length]))
        except (UnknownLocaleError, ValueError):
            continue
    return None


class Formats:
    """Formats numbers, amounts and dates in any language. It caches formats, never values."""

    def __init__(self) -> None:
        self._locales: dict[str, Locale | None] = {}
        self._numbers: dict[str, NumberStyle] = {}
        self._amounts: dict[tuple[str, str], AmountStyle] = {}

    def number(self, number: Decimal, tag: str, digits: int | None = None) -> str:
        """Write a number with all its decimals, or rounded half up to ``digits`` if given.

        Raises:
            ArithmeticError: the number has too many digits.
        """
        if tag not in self._numbers:
            locale = self._locale(tag) or _ENGLISH
            self._numbers[tag] = style_of(locale.decimal_formats[None], locale)
        if not number.is_finite() or abs(number.adjusted()) > _LONGEST:
            raise ArithmeticError("the number cannot be written out")
        if digits is not None:
            number = number.quantize(Decimal(1).scaleb(-min(max(digits, 0), _MOST_DIGITS)), ROUND_HALF_UP)
        whole, _, decimals = f"{abs(number):f}".partition(".")
        return self._numbers[tag].write(whole, decimals, negative=number < 0)

    def money(self, amount: int, currency: str, tag: str) -> str:
        """Write ``amount`` minor units of ``currency``: ``¥1,234.50``, ``1.234,50 €``.

        Raises:
            ValueError: there is no such currency.
        """
        style = self._amounts.get((currency, tag))
        if style is None:
            style = self._amounts[currency, tag] = AmountStyle(currency, self._locale(tag) or _ENGLISH)
        return style.write(amount)

    def date(self, day: date, tag: str) -> str:
        """Write a day in full: ``January 31, 2026``, ``31 janvier 2026``, ``2026年1月31日``; ISO in unknown languages."""
        locale = self._locale(tag)
        return babel_date(day, "long", locale=locale) if locale else day.isoformat()

    def _locale(self, tag: str) -> Locale | None:
        if tag not in self._locales:
            self._locales[tag] = babel_locale(tag)
        return self._locales[tag]
