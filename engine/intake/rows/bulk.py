"""Parsing many plain texts at once. Each function returns the same as its parser, or None if a text is not plain."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

from engine.intake.rows.contact import LONGEST
from engine.intake.rows.model import Json
from engine.intake.rows.values import EARLIEST, LATEST, Conventions

Bulk = Callable[[Sequence[str], Conventions], Sequence[Json] | None]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def bulk_identifiers(texts: Sequence[str], _reading: Conventions) -> Sequence[Json] | None:
    """Return keys or names that are printable (without control characters) and not too long."""
    if not "".join(texts).isprintable() or max(map(len, texts)) > LONGEST:
        return None
    return [text or None for text in map(str.strip, texts)]


def bulk_instants(texts: Sequence[str], reading: Conventions) -> Sequence[Json] | None:
    """Return the UTC milliseconds of ISO 8601 texts with dashes."""
    if reading.date_format is not None or {text[4:5] for text in texts} != {"-"}:
        return None
    try:
        moments = list(map(datetime.fromisoformat, texts))
        aware = [moment if moment.tzinfo else moment.replace(tzinfo=reading.zone) for moment in moments]
        instants = [(moment - _EPOCH) // _MILLISECOND for moment in aware]
    except (ValueError, OverflowError):
        return None
    return instants if min(instants) >= EARLIEST and max(instants) <= LATEST else None


def bulk_money(texts: Sequence[str], reading: Conventions) -> Sequence[Json] | None:
    """Return the minor units of amounts that are written with all decimals of the currency and nothing else."""
    if reading.decimal != ".":
        return None
    lines = "\n".join(texts)
    if not _plain_money(len(str(reading.currency_scale)) - 1).fullmatch(lines):
        return None
    return list(map(int, lines.replace(".", "").split("\n")))


@cache
def _plain_money(places: int) -> re.Pattern[str]:
    decimals = rf"\.[0-9]{{{places}}}" if places else ""
    return re.compile(rf"-?[0-9]{{1,15}}{decimals}(?:\n-?[0-9]{{1,15}}{decimals})*+")
