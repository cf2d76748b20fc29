"""The devices to which a message goes: the one that was seen last, and then each of the user's others.

A message is bound to its device with its first hand-off. In that transaction an action is added for each further device of
the user: so either all of them are there, or the message has not been handed off.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from engine.actions.following import Following, FurtherDevice
from engine.channels.base import Channel
from engine.clock import Clock
from engine.delivery.pending_message import PendingMessage
from engine.delivery.selecting import AddressColumns
from engine.settings import DeviceSettings
from engine.store.devices import NEWEST_FIRST
from engine.store.dialects import Dialect
from engine.store.rowset import pack, rowset
from engine.store.statement import quoted

Platforms = frozenset[str] | None
"""The platforms that a channel's adapters serve; None if one of them serves any."""


def address_columns(channel: Channel, dialect: Dialect, platforms: Platforms) -> AddressColumns:
    """Return where messages of ``channel`` go."""
    if not channel.address.devices:
        return AddressColumns(channel.address.sql(dialect))
    mine = "SELECT {what} FROM device AS c WHERE c.user_id = a.user_id AND {usable}"
    newest = f"{mine.format(what='c.id', usable=_usable('c', channel.name, platforms))} ORDER BY"
    bound_or_newest = f"coalesce(a.device_id, ({newest} {NEWEST_FIRST.format(alias='c')} LIMIT 1))"
    others = mine.format(what="1", usable=_usable("c", channel.name, None))
    return AddressColumns(
        address="w.token",
        device_id="w.id",
        device_platform="w.platform",
        # A message that is bound to a device is not for the others: if that one is lost, there is none.
        unserved=(
            f"CASE WHEN w.id IS NULL THEN a.device_id IS NULL AND EXISTS ({others})"
            f" ELSE NOT ({_served('w', platforms)}) END"
        ),
        locale="coalesce(u.locale, w.locale)",
        joins=(f"LEFT JOIN device AS w ON w.user_id = a.user_id AND w.id = {bound_or_newest}",),
        seen_since=True,
    )


def _served(device: str, platforms: Platforms) -> str:
    if platforms is None:
        return "1 = 1"
    return f"{device}.platform IN ({', '.join(map(quoted, sorted(platforms)))})" if platforms else "1 = 0"


def _usable(device: str, channel: str, platforms: Platforms) -> str:
    """Return SQL: the device was seen lately, its token is not suppressed, and an adapter serves its platform."""
    suppressed = f"SELECT 1 FROM suppression AS x WHERE x.channel = {quoted(channel)} AND x.address = {device}.token"
    lately = f"{device}.last_seen_at > :seen_since"
    return f"{lately} AND {_served(device, platforms)} AND NOT EXISTS ({suppressed})"


@dataclass(frozen=True)
class DeviceUse:
    """Which devices are used, as of the clock's instant."""

    settings: DeviceSettings
    clock: Clock

    @property
    def seen_since(self) -> int:
        """The instant after which a device has to have been seen."""
        return self.clock.now() - self.settings.silent_after


class DeviceBinding:
    """Binds the messages of one channel to devices, in the transaction of their hand-off."""

    def __init__(self, dialect: Dialect, channel: str, platforms: Platforms, use: DeviceUse) -> None:
        self._use = use
        self._following = Following(dialect)
        given = rowset(dialect, "rows", id="BIGINT", user_id="BIGINT", device_id="BIGINT", token="TEXT")  # noqa: S106
        self._theirs = text(
            f"SELECT r.id FROM {given} AS r JOIN device AS d ON d.id = r.device_id AND d.user_id = r.user_id"
            " AND d.token = r.token"
        )
        newest_first = NEWEST_FIRST.format(alias="d")
        self._further = text(
            "SELECT f.id, f.device_id FROM (SELECT r.id AS id, d.id AS device_id,"
            f" row_number() OVER (PARTITION BY r.id ORDER BY {newest_first}) AS place"
            f" FROM {given} AS r JOIN device AS d ON d.user_id = r.user_id AND d.id <> r.device_id"
            f" AND {_usable('d', channel, platforms)}) AS f WHERE f.place < :at_most ORDER BY f.id, f.place"
        )

    def lost(self, connection: Connection, messages: Sequence[PendingMessage]) -> frozenset[int]:
        """Return those messages whose device has become another user's, or is gone, since they were loaded."""
        rows = _rows(messages)
        if not rows:
            return frozenset()
        theirs = set(connection.execute(self._theirs, {"rows": pack(rows)}).scalars())
        return frozenset(one.action_id for one in messages if one.device and one.action_id not in theirs)

    def add_further(self, connection: Connection, messages: Sequence[PendingMessage], now: int) -> None:
        """Add actions for the further devices of the users of ``messages``, which are handed off for the first time."""
        rows = _rows([one for one in messages if one.device and not one.device.bound])
        if not rows:
            return
        binds = {"rows": pack(rows), "seen_since": self._use.seen_since, "at_most": self._use.settings.at_most}
        found = connection.execute(self._further, binds).all()
        self._following.add_devices(connection, [FurtherDevice(row.id, row.device_id) for row in found], now)


def _rows(messages: Sequence[PendingMessage]) -> list[list[object]]:
    return [[one.action_id, one.user_id, one.device.id, one.address] for one in messages if one.device]
