"""The messages of inboxes in the store: the only SQL that writes ``inbox_message``.

A row is found from its action by the action's ``reference``, which is the row's ``key``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, text

from adapters.base import InboxPayload
from adapters.reasons import AnswerReason
from engine.actions.content import clean, storable_json
from engine.actions.receipts import ReceiptEntry, Receipts
from engine.actions.remarks import Remark, remark
from engine.actions.states import State
from engine.clock import Instant
from engine.errors import InputError
from engine.store.dialects import dialect_of
from engine.store.rowset import pack, rowset

READ = AnswerReason("inbox_read", "The recipient opened it in the app's inbox.")
DISMISSED = AnswerReason("inbox_dismissed", "The recipient removed it from the app's inbox.")
INBOX_REASONS = (READ, DISMISSED)
"""What the app tells of a message afterwards."""

_ADAPTER = "inbox"
_SHOWN = (
    "SELECT m.id, u.key AS user_key, m.title, m.body, m.link, m.image, m.data, m.created_at, m.expires_at, m.read_at,"
    " m.dismissed_at, (SELECT max(a.id) FROM action AS a WHERE a.reference = m.key AND a.adapter = 'inbox') AS action"
    " FROM inbox_message AS m JOIN users AS u ON u.id = m.user_id"
)


@dataclass(frozen=True, slots=True)
class KeptMessage:
    """A message to be kept for the user with the key ``user``. Instants are UTC milliseconds."""

    key: str
    user: str
    payload: InboxPayload
    created_at: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class InboxMessage:
    """A message in a user's inbox."""

    id: int
    user: str
    title: str
    body: str
    link: str | None
    image: str | None
    data: dict[str, Any] | None
    created_at: Instant
    expires_at: Instant
    read_at: Instant | None
    dismissed_at: Instant | None
    action: int | None
    """The action that sent it; None for a test message."""


def keep(connection: Connection, messages: Sequence[KeptMessage]) -> frozenset[str]:
    """Write those of ``messages`` whose key is new; return the keys that are in the table now."""
    dialect = dialect_of(connection)
    given = rowset(
        dialect, "rows", key="TEXT", user_key="TEXT", title="TEXT", body="TEXT", link="TEXT", image="TEXT", data="TEXT",
        created_at="BIGINT", expires_at="BIGINT",
    )  # fmt: skip
    write = (
        "INSERT INTO inbox_message (key, user_id, title, body, link, image, data, created_at, expires_at)"
        f" SELECT r.key, u.id, r.title, r.body, r.link, r.image, {dialect.as_json('r.data')}, r.created_at, r.expires_at"
        f" FROM {given} AS r JOIN users AS u ON u.key = r.user_key WHERE true ON CONFLICT (key) DO NOTHING"
    )
    rows = {"rows": pack([_row(one) for one in messages])}
    connection.execute(text(write), rows)
    found = text(f"SELECT m.key FROM {given} AS r JOIN inbox_message AS m ON m.key = r.key")
    return frozenset(connection.execute(found, rows).scalars())


def _row(message: KeptMessage) -> list[object]:
    payload = message.payload
    title, body, link, image = map(clean, (payload.title, payload.body, payload.link, payload.image))
    data = storable_json(payload.data) if payload.data else None
    times = (message.created_at, message.expires_at)
    return [message.key, message.user, title, body, link or None, image or None, data, *times]


def messages_of(connection: Connection, user: str, now: Instant, *, everything: bool = False) -> list[InboxMessage]:
    """Return the messages of the user with the key ``user``, the newest first: those that the app shows, or all.

    Raises:
        InputError: there is no such user.
    """
    if connection.execute(text("SELECT 1 FROM users WHERE key = :user"), {"user": user}).first() is None:
        raise InputError(f"there is no user `{user}`")
    shown = "" if everything else " AND m.dismissed_at IS NULL AND m.expires_at > :now"
    query = text(f"{_SHOWN} WHERE u.key = :user{shown} ORDER BY m.created_at DESC, m.id DESC")
    rows = connection.execute(query, {"user": user, "now": now} if shown else {"user": user})
    return [_message(row) for row in rows]


def mark_read(connection: Connection, number: int, now: Instant) -> InboxMessage:
    """Note that the recipient has opened the message ``number``; return it. The log shows the action as opened.

    Raises:
        InputError: there is no such message.
    """
    key = _mark(connection, number, "read_at", now)
    if key is not None:
        opened = ReceiptEntry(_ADAPTER, State.OPENED, reference=key, reason=READ.value)
        Receipts(dialect_of(connection)).receive(connection, [opened], now)
    return _found(connection, number)


def dismiss(connection: Connection, number: int, now: Instant) -> InboxMessage:
    """Note that the recipient has removed the message ``number``: the app shows it no more; return it.

    Raises:
        InputError: there is no such message.
    """
    key = _mark(connection, number, "dismissed_at", now)
    if key is not None:
        remark(connection, [Remark(_ADAPTER, key, DISMISSED.value)], now)
    return _found(connection, number)


def forget_messages(connection: Connection, expired: Instant, before: Instant) -> None:
    """Delete the messages that expired before ``expired``, and those created before ``before``."""
    query = text("DELETE FROM inbox_message WHERE expires_at < :expired OR created_at < :before")
    connection.execute(query, {"expired": expired, "before": before})


def _mark(connection: Connection, number: int, column: str, now: Instant) -> str | None:
    """Set ``column`` of the message; return its key, None if it was set before."""
    query = text(f"UPDATE inbox_message SET {column} = :now WHERE id = :id AND {column} IS NULL RETURNING key")
    return connection.execute(query, {"id": number, "now": now}).scalar_one_or_none()


def _found(connection: Connection, number: int) -> InboxMessage:
    row = connection.execute(text(f"{_SHOWN} WHERE m.id = :id"), {"id": number}).first()
    if row is None:
        raise InputError(f"there is no message {number}; `habitue inbox list USER` shows their numbers")
    return _message(row)


def _message(row: Any) -> InboxMessage:  # noqa: ANN401 - a row
    id_, user, title, body, link, image, data, *rest = row
    read = orjson.loads(data) if isinstance(data, (str, bytes)) else data
    return InboxMessage(id_, user, title, body, link, image, read, *rest)
