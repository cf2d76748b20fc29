"""Storing consents: the newest statement counts, and an undated file never overrides a user's own refusal.

The history of profiles has every statement that counted, including the first.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, text

from engine.clock import Instant
from engine.intake.rows.model import Json, UserRow
from engine.intake.write.profile_history import ProfileChangeRow, record_altered
from engine.store.dialects import Dialect

IMPORTED = "import:"
"""The prefix of ``source`` for consents from files; consents from other sources were given by the users themselves."""
_UPSERT = """
INSERT INTO consent (user_id, channel, class, granted, source, at)
VALUES (:user_id, :channel, :class, :granted, :source, :at)
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


class Statement(NamedTuple):
    """What one user says about one class of messages on one channel; ``at`` None if it is not known when."""

    user_id: int
    channel: str
    message_class: str
    granted: bool
    source: str
    at: int | None


@dataclass(frozen=True, slots=True)
class Word:
    """A statement that counts. ``granted`` None takes earlier ones back."""

    granted: bool | None
    source: str
    at: int

    def as_json(self) -> dict[str, Json]:
        """Return it as the history keeps it."""
        return {"granted": self.granted, "source": self.source, "at": self.at}


Place = tuple[int, str, str]
"""User, channel and class."""


def write_consents(
    connection: Connection, dialect: Dialect, rows: Iterable[UserRow], ids: Mapping[str, int], now: Instant
) -> Consents:
    """Write the marketing consents of ``rows``, for users whose ids are known."""
    stated = [
        Statement(ids[row.key], channel, "marketing", granted, row.source, row.consent_at)
        for row in rows
        for channel, granted in row.consents.items()
    ]
    return write_statements(connection, dialect, stated, now)


def write_statements(connection: Connection, dialect: Dialect, stated: Sequence[Statement], now: Instant) -> Consents:
    """Write those of ``stated`` that count, in their order. The caller holds the locks of these users."""
    if not stated:
        return Consents(frozenset(), 0)
    words = read_words(connection, dialect, {one.user_id for one in stated})
    news: dict[Place, Word] = {}
    altered: list[ProfileChangeRow] = []
    kept = 0
    refusing: set[int] = set()
    for one in stated:
        place = (one.user_id, one.channel, one.message_class)
        there = words.get(place)
        if there is not None and there.granted == one.granted and not _firmer(one, there):
            continue
        if there is not None and not _overrules(one, there, now):
            kept += one.granted
            continue
        word = Word(one.granted, one.source, now if one.at is None else one.at)
        altered.append(altered_word(place, there, word))
        words[place] = news[place] = word
        if not one.granted or there is not None:
            refusing.add(one.user_id)
    put_words(connection, news)
    record_altered(connection, dialect, altered, now)
    return Consents(frozenset(user for user, _, _ in news), kept, frozenset(refusing))


def altered_word(place: Place, there: Word | None, word: Word) -> ProfileChangeRow:
    """Return the row of the history for a new word."""
    user, channel, message_class = place
    before = None if there is None else there.as_json()
    return ProfileChangeRow(user, f"consent.{channel}.{message_class}", before, word.as_json(), word.source)


def _firmer(one: Statement, there: Word) -> bool:
    """Tell whether users say themselves what so far a file said: the next file must not override it."""
    return there.source.startswith(IMPORTED) and not one.source.startswith(IMPORTED)


def _overrules(one: Statement, there: Word, now: Instant) -> bool:
    if one.at is not None:
        return one.at >= there.at or there.at > now  # a date in the future is a file's mistake
    return not one.granted or there.source.startswith(IMPORTED)


def read_words(connection: Connection, dialect: Dialect, users: Collection[int]) -> dict[Place, Word]:
    """Return what counts of these users, for all channels and classes."""
    wanted = (
        f"SELECT c.user_id, c.channel, c.class, c.granted, c.source, c.at FROM {dialect.elements('ids')} "
        "JOIN consent c ON c.user_id = CAST(k.value AS bigint)"
    )
    found = connection.execute(text(wanted), {"ids": json.dumps(sorted(users))})
    return {
        (user, channel, message_class): Word(bool(granted), source, at)
        for user, channel, message_class, granted, source, at in found
    }


def put_words(connection: Connection, news: Mapping[Place, Word]) -> None:
    """Store words as they are."""
    rows = [
        {
            "user_id": user,
            "channel": channel,
            "class": message_class,
            "granted": word.granted,
            "source": word.source,
            "at": word.at,
        }
        for (user, channel, message_class), word in sorted(news.items(), key=lambda item: item[0])
    ]
    if rows:
        connection.execute(text(_UPSERT), rows)
