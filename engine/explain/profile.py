"""A user's consents and the history of their profile."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, Row, text

from engine.channels.base import Channel, with_contact
from engine.clock import Instant
from engine.explain.models import ConsentChange, ConsentStatus, ProfileEdit, Value
from engine.store.tables import JsonText

RECENT = 50
"""How many of the newest profile changes are shown."""
_CONSENT = "consent."
_CHANGES = "SELECT id, what, before, after, source, who, at FROM profile_change WHERE user_id = :user_id"
_CONSENT_CHANGES = text(f"{_CHANGES} AND what LIKE '{_CONSENT}%' ORDER BY id").columns(before=JsonText, after=JsonText)
_EDITS = text(f"{_CHANGES} AND what NOT LIKE '{_CONSENT}%' ORDER BY id DESC LIMIT {RECENT}").columns(
    before=JsonText, after=JsonText
)
_CONSENTS = text(
    "SELECT channel, class, granted, source, at FROM consent WHERE user_id = :user_id ORDER BY channel, class"
)


def consents(connection: Connection, user_id: int) -> tuple[ConsentStatus, ...]:
    """Return the user's consent for each channel and message class, with all its changes, oldest first.

    Of changes older than the profile history, only the newest is known.
    """
    history = dict(_consent_history(connection, user_id))
    found = []
    for channel, message_class, granted, source, at in connection.execute(_CONSENTS, {"user_id": user_id}):
        newest = ConsentChange(Instant(at), bool(granted), source)
        changes = history.pop(f"{_CONSENT}{channel}.{message_class}", [])
        if newest not in changes:
            changes = [*changes, newest]
        found.append(ConsentStatus(channel, message_class, newest.granted, tuple(changes)))
    taken_back = ((what.split(".", 2), changes) for what, changes in history.items())
    found += [ConsentStatus(channel, kind, None, tuple(changes)) for (_, channel, kind), changes in taken_back]
    return tuple(sorted(found, key=lambda one: (one.channel, one.message_class)))


def _consent_history(connection: Connection, user_id: int) -> Mapping[str, list[ConsentChange]]:
    history: dict[str, list[ConsentChange]] = {}
    for row in connection.execute(_CONSENT_CHANGES, {"user_id": user_id}):
        changes = history.setdefault(row.what, [])
        if row.before is not None and not changes:
            changes.append(_change(row.before))
        changes.append(_change(row.after))
    return history


def _change(stored: Mapping[str, Any]) -> ConsentChange:
    granted = stored["granted"]
    return ConsentChange(Instant(stored["at"]), None if granted is None else bool(granted), str(stored["source"]))


def profile_edits(
    connection: Connection, channels: Sequence[Channel], user_id: int, *, show_addresses: bool
) -> tuple[ProfileEdit, ...]:
    """Return the newest changes of the user's profile, oldest first; addresses masked unless ``show_addresses``."""
    rows = connection.execute(_EDITS, {"user_id": user_id}).all()
    hidden = {} if show_addresses else {channel.address.name: channel for channel in with_contact(channels)}
    return tuple(_edit(row, hidden.get(row.what)) for row in reversed(rows))


def _edit(row: Row[Any], hidden: Channel | None) -> ProfileEdit:
    before, after = (_shown(value, hidden) for value in (row.before, row.after))
    return ProfileEdit(Instant(row.at), row.what, before, after, row.source, row.who)


def _shown(value: Any, hidden: Channel | None) -> Value:  # noqa: ANN401 - whatever the attribute holds
    if isinstance(value, list | dict):
        return orjson.dumps(value).decode()
    return hidden.masked(str(value)) if hidden and value is not None else value
