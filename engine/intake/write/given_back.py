"""Taking a refusal back that came in a reply: what counted before it counts again, and nothing that was never granted."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, text

from engine.clock import Instant
from engine.intake.write.consents import Place, Word, altered_word, put_words, read_words
from engine.intake.write.profile_history import record_altered
from engine.store.dialects import Dialect
from engine.store.rowset import pack, rowset
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
    there = _before(connection, dialect, refused)
    again = {place: _again(word, reply) for place, word in there.items()}
    altered = [altered_word(place, refused[place], word) for place, word in sorted(again.items())]
    put_words(connection, {place: word for place, word in again.items() if word.granted is not None})
    _remove(connection, dialect, [place for place, word in again.items() if word.granted is None])
    record_altered(connection, dialect, altered, now)
    return frozenset(user for user, _, _ in again)


def _again(before: Word | None, reply: Word) -> Word:
    """Return what counts again: what was refused before ``reply`` took something back stays refused."""
    if before is None:
        return replace(reply, granted=None)
    return reply if before.granted else before


def _before(connection: Connection, dialect: Dialect, refused: Mapping[Place, Word]) -> dict[Place, Word | None]:
    """Return what counted before the refusals, None if nothing did; those that are not in the history are left out.

    Without its history, a refusal stays: nobody knows what was granted.
    """
    if not refused:
        return {}
    sought = rowset(dialect, "rows", user_id="BIGINT", channel="TEXT", message_class="TEXT", what="TEXT")
    newest = "SELECT max(q.id) FROM profile_change AS q WHERE q.user_id = r.user_id AND q.what = r.what"
    query = text(
        f"SELECT r.user_id, r.channel, r.message_class, p.before, p.after FROM {sought} AS r"
        f" JOIN profile_change AS p ON p.id = ({newest})"
    ).columns(before=JsonText, after=JsonText)
    rows = [[*place, f"consent.{place[1]}.{place[2]}"] for place in sorted(refused)]
    found = connection.execute(query, {"rows": pack(rows)}).all()
    history = {(row.user_id, row.channel, row.message_class): row for row in found}
    return {place: _word(row.before) for place, row in history.items() if row.after == refused[place].as_json()}


def _word(stored: Any) -> Word | None:  # noqa: ANN401 - JSON
    if stored is None or stored["granted"] is None:
        return None
    return Word(bool(stored["granted"]), str(stored["source"]), int(stored["at"]))


def _remove(connection: Connection, dialect: Dialect, places: Collection[Place]) -> None:
    if not places:
        return
    these = rowset(dialect, "rows", user_id="BIGINT", channel="TEXT", message_class="TEXT")
    removing = (
        "DELETE FROM consent WHERE (user_id, channel, class) IN"
        f" (SELECT r.user_id, r.channel, r.message_class FROM {these} AS r)"
    )
    connection.execute(text(removing), {"rows": pack([list(place) for place in places])})
