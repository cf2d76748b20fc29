"""Phone numbers as people write them, in E.164: a plus, the country code, the rest.

A number is refused only if it cannot be one: whether its range has been given out is not asked, because new ranges are
given out all the time and the library's tables are as old as its release. Wrong numbers are for the provider to refuse.
"""

import re
import unicodedata

from engine.digits import is_e164
from engine.intake.rows.values import BadValue

_PUNCTUATION = re.compile(r"[\s().\-/\u2010-\u2015\u2212]")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
"""Marks that address books and web pages put around numbers."""
_TRUNK = re.compile(r"\(\s*0\s*\)")
"""``+49 (0)30 …``: a zero that is dialled within the country only."""
_EXAMPLE = "+49 30 901820"


def read_number(text: str, country: str = "") -> str:
    """Return the number as E.164.

    ``country`` (ISO 3166-1) decides for numbers written as they are dialled there; without it they are refused.

    Raises:
        BadValue: it is not a phone number, its length is impossible in its country, or it can be read in two ways.
    """
    return text if is_e164(text) else _read(text, country)


def is_international(text: str) -> bool:
    """Tell whether a number has its country code, so that no country has to decide."""
    return _plain(text).startswith("+")


def _read(text: str, country: str) -> str:
    number = _plain(text)
    if re.search(r"[^\W\d_]|[#,;*]", number):
        raise BadValue("letters or an extension in a phone number", f"write the number alone, such as {_EXAMPLE}")
    if not number.startswith("+"):
        return _national(number, country)
    if _TRUNK.search(number):
        return _possible(number, None)
    digits = _PUNCTUATION.sub("", number)
    if not is_e164(digits):
        raise _no_country()
    return digits


def _plain(text: str) -> str:
    """Return the number with a plus before its country code, with ASCII digits and without invisible marks."""
    number = _INVISIBLE.sub("", text)
    if not number.isascii():
        wide = unicodedata.normalize("NFKC", number)
        number = "".join(str(unicodedata.decimal(one)) if one.isdecimal() else one for one in wide)
    number = number.strip()
    return f"+{number[2:]}" if number.startswith("00") else number


def _national(number: str, country: str) -> str:
    """Read a number without a plus, as it is dialled in ``country``, or with the country's code before it."""
    import phonenumbers  # takes a while, and few commands need it

    code = phonenumbers.country_code_for_region(country)
    if not code:
        raise _no_country()
    digits = _PUNCTUATION.sub("", number)
    within = _possible(number, country)
    if not digits.startswith(str(code)) or (abroad := _possible_or_none(f"+{digits}")) in {None, within}:
        return within
    valid = [one for one in (within, abroad) if phonenumbers.is_valid_number(phonenumbers.parse(one))]
    if len(valid) != 1:
        raise BadValue(
            f"a phone number that begins with the code of its country, {code}, but has no plus",
            f"write it with a plus and the country code, such as {_EXAMPLE}",
        )
    return valid[0]


def _no_country() -> BadValue:
    return BadValue(
        "not a phone number with a country code",
        f"write one such as {_EXAMPLE}, or state the customer's `country`, or `brand.country` in config.toml",
    )


def _possible_or_none(number: str) -> str | None:
    try:
        return _possible(number, None)
    except BadValue:
        return None


def _possible(number: str, country: str | None) -> str:
    """Return the number as E.164 if its length is possible.

    Raises:
        BadValue: it is not.
    """
    import phonenumbers

    where = f" in {country}" if country else ""
    remedy = f"write it in full, such as {_EXAMPLE}"
    try:
        found = phonenumbers.parse(number, country)
    except phonenumbers.NumberParseException as error:
        raise BadValue(f"not a phone number{where}", remedy) from error
    reason = phonenumbers.is_possible_number_with_reason(found)
    if reason != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise BadValue(f"a phone number of a length that there is not{where}", remedy)
    return phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164)
