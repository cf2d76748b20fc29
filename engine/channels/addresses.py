"""Addresses by channel: which are usable, and in which form the suppression list holds them."""

import re
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# The dot-atom of RFC 5322 without its rarer characters; whatever else there is goes the long way.
_PLAIN_LOCAL = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*").fullmatch
_PLAIN_DOMAIN = re.compile(r"[A-Za-z0-9.-]+").fullmatch
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}").fullmatch
_MAX_LOCAL, _MAX_EMAIL, _MAX_TOKEN = 64, 254, 4096


def usable_address(channel: str, address: str) -> str | None:
    """Return ``address`` in the form to send to; None where nothing can be sent to it. Asks no DNS."""
    if _CONTROLS.search(address):
        return None
    if channel == "email":
        return _usable_email(address)
    if channel == "sms":
        digits = re.sub(r"[ ().-]", "", address)
        return digits if _PHONE(digits) else None
    return address if 0 < len(address) <= _MAX_TOKEN else None


def suppression_form(channel: str, address: str) -> str:
    """Return the form in which the suppression list holds a usable address: mail addresses regardless of case."""
    return address.lower() if channel == "email" else address


def masked(address: str) -> str:
    """Return ``address`` for eyes that need not know it: ``a•••@example.com``, ``•••23``."""
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}•••@{domain}" if at else f"•••{address[-2:]}"


def _usable_email(address: str) -> str | None:
    local, at, domain = address.rpartition("@")
    if at and len(local) <= _MAX_LOCAL and len(address) <= _MAX_EMAIL and _PLAIN_LOCAL(local) and _PLAIN_DOMAIN(domain):
        ascii_domain = _checked_domain(domain)
        return f"{local}@{ascii_domain}" if ascii_domain else None
    return _checked_email(address)


@lru_cache(maxsize=4096)
def _checked_domain(domain: str) -> str | None:
    checked = _checked_email(f"a@{domain}")
    return checked[2:] if checked else None


def _checked_email(address: str) -> str | None:
    try:
        checked = validate_email(address, check_deliverability=False)
    except EmailNotValidError:
        return None
    return f"{checked.local_part}@{checked.ascii_domain}"
