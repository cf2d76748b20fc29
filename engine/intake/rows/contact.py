"""Normalising or rejecting contact details: email, phone, locale, country, time zone."""

import re
from functools import cache
from importlib.resources import files

from engine.content.findings import did_you_mean
from engine.content.values import zone_names
from engine.intake.rows.model import Json
from engine.intake.rows.phone import read_number
from engine.intake.rows.values import BadValue, Conventions, parse_text

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_PLAIN_EMAIL = re.compile(
    r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@(?:[A-Za-z0-9](?:[A-Za-z0-9]|-(?!-)){0,61}\.)+[A-Za-z]{2,24}"
)
_LOCALE = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{4}))?(?:[-_]([A-Za-z]{2}|\d{3}))?(?:\.[A-Za-z0-9-]+)?")
LONGEST = 400
"""Maximum number of characters of a key or name, which must fit into an index."""


def one_line(value: Json, reading: Conventions) -> str:
    """Return a text that has no line breaks or other control characters."""
    text = parse_text(value, reading)
    if CONTROL.search(text):
        raise BadValue("a line break or control character", "remove it")
    return text


def identifier(value: Json, reading: Conventions) -> str:
    """Return a key or a name: one line, not too long."""
    text = one_line(value, reading)
    if len(text) > LONGEST:
        raise BadValue(f"longer than {LONGEST} characters", "write a shorter one")
    return text


def parse_email(value: Json, reading: Conventions) -> str:
    """Return the address with its domain in lower case. Whether the address exists is not checked."""
    address = one_line(value, reading)
    local, _, domain = address.rpartition("@")
    if len(address) <= 254 and len(local) <= 64 and "-." not in domain and _PLAIN_EMAIL.fullmatch(address):
        return f"{local}@{domain.lower()}"
    # The library takes fifty times as long, so it checks only the addresses that are not obviously valid.
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(address, check_deliverability=False, test_environment=True, strict=True).normalized
    except EmailNotValidError as error:
        raise BadValue("not an email address", "write one such as ann@example.com") from error


def parse_phone(value: Json, reading: Conventions) -> str:
    """Return the number as E.164: a plus, the country code, the rest. ``reading.country`` decides for national numbers."""
    return read_number(one_line(value, reading), reading.country)


def parse_locale(value: Json, reading: Conventions) -> str:
    """Return a language tag such as ``en``, ``zh-CN`` or ``zh-Hant-TW``."""
    found = _LOCALE.fullmatch(one_line(value, reading))
    if not found:
        raise BadValue("not a language tag", "write one such as en, en-GB or zh-CN")
    language, script, region = found[1].lower(), found[2], found[3]
    return "-".join(part for part in (language, script and script.title(), region and region.upper()) if part)


def parse_country(value: Json, reading: Conventions) -> str:
    """Return the two-letter code (ISO 3166-1) of a code or of a country's English name."""
    text = one_line(value, reading)
    code = _countries().get(text.lower())
    if code is None:
        raise BadValue("not a country", "write its two-letter code, such as DE (ISO 3166)")
    return code


@cache
def _countries() -> dict[str, str]:
    table = files("tzdata").joinpath("zoneinfo", "iso3166.tab").read_text(encoding="utf-8")
    pairs = [line.split("\t") for line in table.splitlines() if line and not line.startswith("#")]
    return {"uk": "GB", **{name.lower(): code for code, name in pairs}, **{code.lower(): code for code, _ in pairs}}


def parse_zone(value: Json, reading: Conventions) -> str:
    """Return the name of a time zone as spelt in the tz database."""
    text = one_line(value, reading)
    name = _zones().get(text.lower())
    if name is None:
        guess = did_you_mean(text, _zones().values()) if "/" in text else ""
        remedy = guess.removeprefix("; ") if guess.startswith("; did") else "write one such as Europe/Berlin"
        raise BadValue("not a time zone", remedy)
    return name


@cache
def _zones() -> dict[str, str]:
    return {name.lower(): name for name in zone_names()}
