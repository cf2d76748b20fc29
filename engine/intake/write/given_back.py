"""Taking a refusal back that came in a reply: what counted before it counts again, and nothing that was never granted."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, text

from engine.clock import Instant
from engine.intake.write.consents import Place, Word, altered_word, put_words, read_words
from engine.intake.write.profile_history import ProfileChangeRow, record_altered
from engine.store.dialects import Dialect
from engine.store.tables import JsonText

REPLIED = "reply:"
"""The prefix of ``source`` for what users said in a reply; the adapter's name follows."""


def give_back(
    connection: Connection, dialect: Dialect, users: Collection[int], channel: str, reply: Word, *, now: Instant
) -> frozenset[int]:
    """Take back what ``users`` refused on ``channel`` in a reply up to ``reply``; return those for whom something changed.

    ``reply`` is the agreement. The caller holds the locks of these users.
    """
    refused = {
        place: word
        for place, word in read_words(connection, dialect, users).items()
        if place[1] == channel and not word.granted and word.source.startswith(REPLIED) and word.at <= reply.at
    }
    news: dict[Place, Word] = {}
    altered: list[ProfileChangeRow] = []
    for place, word in sorted(refused.items()):
        known, before = _before(connection, place, word)
        if not known:
            continue
        again = replace(reply, granted=None) if before is None else reply if before.granted else before
        altered.append(altered_word(place, word, again))
        news[place] = again
    put_words(connection, {place: word for place, word in news.items() if word.granted is not None})
    _remove(connection, [place for place, word in news.items() if word.granted is None])
    record_altered(connection, dialect, altered, now)
    return frozenset(user for user, _, _ in news)


_NEWEST = text(
    "SELECT before, after FROM profile_change WHERE user_id = :user_id AND what = :what ORDER BY id DESC LIMIT 1"
).columns(before=JsonText, after=JsonText)


def _before(connection: Connection, place: Place, word: Word) -> tuple[bool, Word | None]:
    """Return whether the history has the refusal, and what counted before it; None if nothing did.

    Without its history, a refusal stays: nobody knows what was granted.
    """
    user, channel, message_class = place
    row = connection.execute(_NEWEST, {"user_id": user, "what": f"consent.{channel}.{message_class}"}).first()
    if row is None or row.after != word.as_json():
        return False, None
    return True, _word(row.before)


def _word(stored: Any) -> Word | None:  # noqa: ANN401 - JSON
    if stored is None or stored["granted"] is None:
        return None
    return Word(bool(stored["granted"]), str(stored["source"]), int(stored["at"]))


def _remove(connection: Connection, places: Collection[Place]) -> None:
    removing = text("DELETE FROM consent WHERE user_id = :user_id AND channel = :channel AND class = :class")
    rows = [{"user_id": user, "channel": channel, "class": kind} for user, channel, kind in places]
    if rows:
        connection.execute(removing, rows)
