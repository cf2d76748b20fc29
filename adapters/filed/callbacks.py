"""Callbacks that are not signed: a secret in their URL, a JSON array in their body, and times in China."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from hmac import compare_digest
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
from pydantic import SecretStr

from adapters.base import Callback, CallbackError, NotAuthentic

PARAMETER = "secret"
"""The parameter of the URL that has the secret."""
_CHINA = timezone(timedelta(hours=8))
_MAINLAND_DIGITS = 11


def require_secret(callback: Callback, secret: SecretStr) -> None:
    """Check that the caller knows the secret.

    Raises:
        NotAuthentic: it does not, or there is none.
    """
    accepted = secret.get_secret_value().split()
    if not accepted:
        raise NotAuthentic("receipts are not accepted, because the option `callback_secret` is not set")
    given = parse_qs(urlsplit(callback.url).query).get(PARAMETER, [])
    if len(given) != 1 or not any(compare_digest(given[0].encode(), one.encode()) for one in accepted):
        raise NotAuthentic(f"the URL has no `{PARAMETER}`, or not the one of the option `callback_secret`")


def items_of(body: bytes) -> Sequence[Mapping[str, Any]]:
    """Return the objects of a JSON array; an object alone counts as one of one.

    Raises:
        CallbackError: the body is anything else.
    """
    try:
        read = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise CallbackError("the body is not JSON") from None
    items = read if isinstance(read, list) else [read]
    if not all(isinstance(item, dict) for item in items):
        raise CallbackError("the body is not an array of JSON objects")
    return items


def text_of(item: Mapping[str, Any], key: str) -> str:
    """Return a text or a number of ``item`` as text; empty if it has none."""
    value = item.get(key)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def china_time(text: str, otherwise: int) -> int:
    """Return ``2026-11-28 09:30:00``, in China's time, as UTC milliseconds; ``otherwise`` if it is no such text."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return otherwise
    since = moment.replace(tzinfo=moment.tzinfo or _CHINA) - datetime(1970, 1, 1, tzinfo=UTC)
    return since // timedelta(milliseconds=1)


def full_number(number: str, country: str = "86") -> str:
    """Return a number in E.164; one of 11 digits without a country code is in ``country``."""
    digits = "".join(one for one in number if one in "0123456789")
    if number.startswith("+"):
        return f"+{digits}"
    return f"+{country}{digits}" if len(digits) <= _MAINLAND_DIGITS else f"+{digits}"
