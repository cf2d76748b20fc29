"""Storing consents: the newest statement counts, and an undated file never overrides a user's own refusal.

The history of profiles has every statement that counted, including the first.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

from engine.clock import Instant
from engine.intake.rows.model import Json, UserRow
from engine.intake.write.profile_history import ProfileChangeRow, record_altered
from engine.store.dialects import Dialect

IMPORTED = "import:"
"""The prefix of ``source`` for consents from files; consents from other sources were given by the users themselves."""
_UPSERT = """
INSERT INTO consent (user_id, channel, class, granted, source, at)
VALUES (:user_id, :channel, 'marketing', :granted, :source, :at)
ON CONFLICT (user_id, channel, class)
DO UPDATE SET granted = excluded.granted, source = excluded.source, at = excluded.at
"""


@dataclass(frozen=True, slots=True)
class Consents:
    """The users whose consent changed, and the number of refusals that a file could not override."""

    users: frozenset[int]
    refusals_kept: int
    refusing: frozenset[int] = frozenset()
    """Those of ``users`` who refuse something now, or did until now."""


@dataclass(frozen=True, slots=True)
class _Word:
    granted: bool
    source: str
    at: int

    def as_json(self) -> dict[str, Json]:
        return {"granted": self.granted, "source": self.source, "at": self.at}


def write_consents(
    connection: Connection, dialect: Dialect, rows: Iterable[UserRow], ids: Mapping[str, int], now: Instant
) -> Consents:
    """Write the marketing consents of ``rows``, for users whose ids are known."""
    stated = [row for row in rows if row.consents]
    if not stated:
        return Consents(frozenset(), 0)
    words = _read(connection, dialect, {ids[row.key] for row in stated})
    news: dict[tuple[int, str], _Word] = {}
    altered: list[ProfileChangeRow] = []
    kept = 0
    refusing: set[int] = set()
    for row in stated:
        for channel, granted in row.consents.items():
            place = (ids[row.key], channel)
            there = words.get(place)
            if there is not None and there.granted == granted:
                continue
            if there is not None and not _overrules(row, granted, there):
                kept += granted
                continue
            at = now if row.consent_at is None else row.consent_at
            word = _Word(granted, row.source, at)
            altered.append(_altered(place, there, word))
            words[place] = news[place] = word
            if not granted or there is not None:
                refusing.add(place[0])
    _write(connection, news)
    record_altered(connection, dialect, altered, now)
    return Consents(frozenset(user for user, _channel in news), kept, frozenset(refusing))


def _altered(place: tuple[int, str], there: _Word | None, word: _Word) -> ProfileChangeRow:
    user, channel = place
    before = None if there is None else there.as_json()
    return ProfileChangeRow(user, f"consent.{channel}.marketing", before, word.as_json(), word.source)


def _overrules(row: UserRow, granted: bool, there: _Word) -> bool:
    if row.consent_at is not None:
        return row.consent_at >= there.at
    return not granted or there.source.startswith(IMPORTED)


def _read(connection: Connection, dialect: Dialect, users: set[int]) -> dict[tuple[int, str], _Word]:
    wanted = (
        f"SELECT c.user_id, c.channel, c.granted, c.source, c.at FROM {dialect.elements('ids')} "
        "JOIN consent c ON c.user_id = CAST(k.value AS bigint) WHERE c.class = 'marketing'"
    )
    found = connection.execute(text(wanted), {"ids": json.dumps(list(users))})
    return {(user, channel): _Word(bool(granted), source, at) for user, channel, granted, source, at in found}


def _write(connection: Connection, news: Mapping[tuple[int, str], _Word]) -> None:
    rows = [
        {"user_id": user, "channel": channel, "granted": word.granted, "source": word.source, "at": word.at}
        for (user, channel), word in sorted(news.items(), key=lambda item: item[0])
    ]
    if rows:
        connection.execute(text(_UPSERT), rows)
