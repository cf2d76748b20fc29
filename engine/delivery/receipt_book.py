"""Receipts of providers, as delivery writes them: by the message's key where there is one, with addresses that are gone."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, text

from engine.actions.receipts import Receipts, Received
from engine.channels.base import Channel, by_name
from engine.clock import Instant
from engine.delivery.identity import MessageKeys
from engine.delivery.keyed_messages import KeyedMessages
from engine.delivery.receipts import Told
from engine.delivery.replies import Replies
from engine.intake.write.suppressions import suppress_gone
from engine.settings import Settings
from engine.store.dialects import Dialect
from engine.store.rowset import pack, rowset


class ReceiptBook:
    """Writes receipts into the log, and suppresses the addresses that are gone."""

    def __init__(self, dialect: Dialect, channels: Sequence[Channel], keys: MessageKeys, settings: Settings) -> None:
        self._dialect = dialect
        self._settings = settings
        self._receipts = Receipts(dialect)
        self._messages = KeyedMessages(dialect, keys)
        self._channels = by_name(channels)
        ids = rowset(dialect, "rows", id="BIGINT")
        self._sent_to = text(
            f"SELECT a.channel, a.adapter, c.address FROM {ids} AS r JOIN action AS a ON a.id = r.id"
            " JOIN action_content AS c ON c.action_id = a.id WHERE c.address IS NOT NULL"
        )

    def write(self, connection: Connection, told: Sequence[Told], now: Instant) -> Received:
        """Write what is new in ``told``: what people wrote back, and receipts; see ``Receipts.receive``."""
        texts = self._hear(connection, told, now)  # first: users are locked before actions
        receipts = [one for call in told for one in call.receipts]
        received = self._receipts.receive(connection, self._messages.identified(connection, receipts), now)
        if received.gone:
            self._suppress(connection, received.gone, now)
        return replace(received, texts=texts)

    def _hear(self, connection: Connection, told: Sequence[Told], now: Instant) -> int:
        """Do what people wrote back; return how many texts were new."""
        heard = 0
        for name in sorted({call.channel for call in told if call.texts}):
            if (channel := self._channels.get(name)) is not None:
                texts = [one for call in told if call.channel == name for one in call.texts]
                heard += Replies(self._dialect, channel, self._settings).receive(connection, texts, now).new
        return heard

    def _suppress(self, connection: Connection, actions: Sequence[int], now: Instant) -> None:
        """Suppress the addresses that ``actions`` were sent to, as far as they are still known."""
        gone: dict[tuple[str, str], set[str]] = {}
        for row in connection.execute(self._sent_to, {"rows": pack([[one] for one in actions])}):
            channel = self._channels.get(row.channel)
            address = channel.compared(row.address) if channel else None
            if address is not None:
                gone.setdefault((row.channel, row.adapter), set()).add(address)
        for (name, adapter), addresses in sorted(gone.items()):
            suppress_gone(connection, name, sorted(addresses), adapter, now)
