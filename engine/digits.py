"""Digits: the form of phone numbers, and numbers with the separators of a language, which are CLDR's, from Babel.

Babel can format numbers itself, but takes fifty microseconds for each, and drops the apostrophes of Swiss millions
(2.19). A message has several numbers, so a language's style is read from Babel once and applied here.
"""

import re
from dataclasses import dataclass

from babel import Locale
from babel.numbers import NumberPattern, get_decimal_symbol, get_group_symbol

is_e164 = re.compile(r"\+[1-9][0-9]{6,14}").fullmatch
"""Tells whether a text is a phone number in E.164, as far as its form says: a plus, the country code, the rest."""
_QUOTED = re.compile(r"'([^']*)'")


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """The prefixes, suffixes and separators of numbers in one language."""

    before: tuple[str, ...]
    """The prefix of a positive number, and of a negative one."""
    after: tuple[str, ...]
    between: str
    """The separator between groups of digits."""
    point: str
    groups: tuple[int, int]
    """How many digits are in the last group, and in the groups to its left."""

    def write(self, whole: str, decimals: str, *, negative: bool) -> str:
        """Return a number in this style, from its digits before and after the point."""
        last, other = self.groups
        parts = [whole[-last:]]
        rest = whole[:-last]
        while rest:
            parts.append(rest[-other:])
            rest = rest[:-other]
        digits = self.between.join(reversed(parts))
        return f"{self.before[negative]}{digits}{self.point if decimals else ''}{decimals}{self.after[negative]}"


def style_of(pattern: NumberPattern, locale: Locale) -> NumberStyle:
    """Return the style of one of Babel's patterns."""
    return NumberStyle(
        before=tuple(_QUOTED.sub(r"\1", part) for part in pattern.prefix),
        after=tuple(_QUOTED.sub(r"\1", part) for part in pattern.suffix),
        between=get_group_symbol(locale),
        point=get_decimal_symbol(locale),
        groups=pattern.grouping,
    )
