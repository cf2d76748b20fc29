"""Reading a user's devices."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from engine.channels.base import Channel, masked
from engine.clock import Instant
from engine.explain.models import DeviceSeen
from engine.store.devices import NEWEST_FIRST

_DEVICES = text(
    "SELECT platform, token, locale, last_seen_at FROM device WHERE user_id = :user_id"
    f" ORDER BY {NEWEST_FIRST.format(alias='device')}"
)
_SUPPRESSED = text("SELECT reason FROM suppression WHERE channel = :channel AND address = :address")


def devices(
    connection: Connection, channels: Sequence[Channel], user_id: int, *, show_addresses: bool
) -> tuple[DeviceSeen, ...]:
    """Return the user's devices; tokens masked unless ``show_addresses``."""
    to_devices = [channel for channel in channels if channel.address.devices]
    return tuple(
        DeviceSeen(
            row.platform,
            row.token if show_addresses else masked(row.token),
            row.locale,
            Instant(row.last_seen_at),
            _suppressed(connection, to_devices, row.token),
        )
        for row in connection.execute(_DEVICES, {"user_id": user_id}).all()
    )


def _suppressed(connection: Connection, channels: Sequence[Channel], token: str) -> str | None:
    for channel in channels:
        binds = {"channel": channel.name, "address": channel.compared(token)}
        reason: str | None = connection.execute(_SUPPRESSED, binds).scalar()
        if reason is not None:
            return reason
    return None
