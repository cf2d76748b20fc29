"""Finding messages by their key, which the store does not have: those whose answer never came, which are few.

A message whose provider answered is found by the provider's reference. Without an answer there is none, so the keys of the
messages that have been handed over and have no reference are derived again, and compared.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, text

from engine.actions.content import clean
from engine.actions.receipts import ReceiptEntry
from engine.actions.states import HELD_OR_UNKNOWN_SQL, LEASED_SQL, State
from engine.delivery.identity import OCCASION_SQL, MessageKeys, to_device
from engine.store.dialects import Dialect
from engine.store.rowset import pack, rowset

MOST = 5_000
"""How many messages without an answer are looked at, the newest first."""


class KeyedMessages:
    """Identifies messages by their keys."""

    def __init__(self, dialect: Dialect, keys: MessageKeys) -> None:
        """``keys`` are prepared before they are needed: see ``MessageKeys.prepare``."""
        self._keys = keys
        rows = rowset(dialect, "rows", n="BIGINT", adapter="TEXT", reference="TEXT")
        by_reference = "SELECT 1 FROM action AS a WHERE a.reference = r.reference AND a.adapter = r.adapter"
        self._strangers = text(f"SELECT r.n FROM {rows} AS r WHERE NOT EXISTS ({by_reference})")
        self._unanswered = text(
            f"SELECT a.id, a.playbook, u.key, {OCCASION_SQL} AS occasion, a.step, a.attempt, a.channel, a.device_id,"
            " c.address FROM ("
            f"{_without_answer(HELD_OR_UNKNOWN_SQL, State.UNKNOWN)} UNION ALL {_without_answer(LEASED_SQL, State.HANDED_OFF)}"
            f" ORDER BY id DESC LIMIT {MOST}) AS f JOIN action AS a ON a.id = f.id JOIN users AS u ON u.id = a.user_id"
            " LEFT JOIN action_content AS c ON c.action_id = a.id LEFT JOIN enrolment AS n ON n.id = a.enrolment_id LEFT JOIN event AS e ON e.id = n.event_id"
        )

    def identified(self, connection: Connection, receipts: Sequence[ReceiptEntry]) -> list[ReceiptEntry]:
        """Return ``receipts``, with the action of those that only their key identifies."""
        found = list(receipts)
        rows = [
            [n, one.adapter, clean(one.reference)] for n, one in enumerate(found) if one.key and one.action_id is None
        ]
        strangers = [row[0] for row in connection.execute(self._strangers, {"rows": pack(rows)})] if rows else []
        if not strangers:
            return found
        actions = {self._key(row): row.id for row in connection.execute(self._unanswered)}
        for n in strangers:
            found[n] = replace(found[n], action_id=actions.get(found[n].key))
        return found

    def _key(self, row: Row[Any]) -> str:
        """Return the key of a message; of one to a device, by the token that it was sent to."""
        attempt = row.attempt if row.device_id is None else to_device(row.channel, row.address or "")
        return self._keys.key(row.playbook, row.key, row.occasion, row.step, attempt)


def _without_answer(condition: str, state: State) -> str:
    """Return a query for the messages in ``state`` that have no reference; ``condition`` is that of a partial index."""
    return (
        f"SELECT id FROM action WHERE {condition} AND state = '{state}' AND kind = 'message' AND tries > 0"
        " AND reference IS NULL"
    )
