"""What a user agreed to and since when, and how their profile became what it is."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, Row, text

from engine.channels.base import Channel
from engine.clock import Instant
from engine.explain.models import ConsentStanding, ConsentWord, ProfileStep, Value
from engine.store.tables import JsonText

RECENT = 50
"""Changes of a profile that are shown, the newest."""
_CONSENT = "consent."
_CHANGES = "SELECT id, what, before, after, source, who, at FROM profile_change WHERE user_id = :user_id"
_WORDS = text(f"{_CHANGES} AND what LIKE '{_CONSENT}%' ORDER BY id").columns(before=JsonText, after=JsonText)
_STEPS = text(f"{_CHANGES} AND what NOT LIKE '{_CONSENT}%' ORDER BY id DESC LIMIT {RECENT}").columns(
    before=JsonText, after=JsonText
)
_STANDING = text(
    "SELECT channel, class, granted, source, at FROM consent WHERE user_id = :user_id ORDER BY channel, class"
)


def consents(connection: Connection, user_id: int) -> tuple[ConsentStanding, ...]:
    """Return what the user said about each channel and class of message, every word of it, oldest first.

    Of a word that is older than the history of profiles only the newest is known.
    """
    history = _consent_history(connection, user_id)
    found = []
    for channel, message_class, granted, source, at in connection.execute(_STANDING, {"user_id": user_id}):
        newest = ConsentWord(Instant(at), bool(granted), source)
        words = history.get(f"{_CONSENT}{channel}.{message_class}", [])
        if newest not in words:
            words = [*words, newest]
        found.append(ConsentStanding(channel, message_class, newest.granted, tuple(words)))
    return tuple(found)


def _consent_history(connection: Connection, user_id: int) -> Mapping[str, list[ConsentWord]]:
    history: dict[str, list[ConsentWord]] = {}
    for row in connection.execute(_WORDS, {"user_id": user_id}):
        words = history.setdefault(row.what, [])
        if row.before is not None and not words:
            words.append(_word(row.before))
        words.append(_word(row.after))
    return history


def _word(said: Mapping[str, Any]) -> ConsentWord:
    return ConsentWord(Instant(said["at"]), bool(said["granted"]), str(said["source"]))


def profile_steps(
    connection: Connection, channels: Sequence[Channel], user_id: int, *, show_addresses: bool
) -> tuple[ProfileStep, ...]:
    """Return the newest changes of the user's values, oldest first; addresses masked unless ``show_addresses``."""
    rows = connection.execute(_STEPS, {"user_id": user_id}).all()
    hidden = {} if show_addresses else {channel.address.name: channel for channel in channels}
    return tuple(_step(row, hidden.get(row.what)) for row in reversed(rows))


def _step(row: Row[Any], hidden: Channel | None) -> ProfileStep:
    before, after = (_shown(value, hidden) for value in (row.before, row.after))
    return ProfileStep(Instant(row.at), row.what, before, after, row.source, row.who)


def _shown(value: Any, hidden: Channel | None) -> Value:  # noqa: ANN401 - whatever the attribute holds
    if isinstance(value, list | dict):
        return orjson.dumps(value).decode()
    return hidden.masked(str(value)) if hidden and value is not None else value
