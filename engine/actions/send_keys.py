"""What an action remembers so that it can be sent again although nobody knows whether it was sent.

Some providers recognise a second copy of a message by a key. The key is stored with the hand-off, because after a crash
only the same key makes a second copy harmless.
"""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection, text

from engine.store.dialects import Dialect
from engine.store.rowset import pack, rowset


class SendKey(NamedTuple):
    """The key by which ``action.adapter`` recognises a second copy, and until when it does, in UTC milliseconds.

    ``doubt_since``: since when it is not known whether the message was sent, while it is being sent again; None if it
    surely was not sent so far. A message in doubt is sent with no other key.
    """

    value: str
    until: int
    doubt_since: int | None = None

    def doubted(self, now: int) -> "SendKey":
        """Return the key of a message that may have been sent at ``now``, or before."""
        return self if self.doubt_since is not None else self._replace(doubt_since=now)

    @property
    def certain(self) -> "SendKey":
        """The same key, without a doubt."""
        return self._replace(doubt_since=None)


NO_SEND_KEY = SendKey("", 0)
"""Makes an action forget its key."""


def stored_key(value: str | None, until: int | None, doubt_since: int | None) -> SendKey | None:
    """Return the key of an action from its columns; None if it has none."""
    return None if value is None or until is None else SendKey(value, until, doubt_since)


class SendKeyWriter:
    """Writes keys. Few adapters have any, so they are no part of the statement that every move pays for."""

    def __init__(self, dialect: Dialect) -> None:
        keys = rowset(dialect, "rows", id="BIGINT", value="TEXT", until="BIGINT", doubt_since="BIGINT")
        self._update = text(
            "UPDATE action SET send_key = r.value, send_key_until = r.until, in_doubt_since = r.doubt_since"
            f" FROM {keys} AS r WHERE action.id = r.id"
        )

    def write(self, connection: Connection, keys: Iterable[tuple[int, SendKey]]) -> None:
        """Store ``keys`` with their actions, which this transaction has locked."""
        rows = [[action, *(key if key.value else (None, None, None))] for action, key in keys]
        if rows:
            connection.execute(self._update, {"rows": pack(rows)})
