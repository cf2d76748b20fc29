"""Refusals by address: whoever refuses a message class on a channel refuses it for the address, not only for their record.

``address_refusal`` has a row for each user with a refusal and for each address that the user had since then, in the form
in which the channel compares addresses. So another record of the same address finds the refusal by the address, and a user
who changes address does not take it along. The rows of a user go only when that user agrees again.
"""

import json
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, text

from engine.content.declared import ChannelAddress
from engine.intake.rows.model import Json
from engine.store.dialects import Dialect
from engine.store.rowset import pack, rowset

_Row = tuple[str, str, str, int, int]
"""Channel, message class, address, user and instant of a refusal."""


def write_refusals(
    connection: Connection,
    dialect: Dialect,
    channels: Sequence[ChannelAddress],
    users: Mapping[int, Mapping[str, Json]],
) -> None:
    """Note the refusals of ``users``, whose consents or addresses have changed, for the addresses they have now.

    ``users`` maps ids to profiles. The caller holds these users' locks.
    """
    if not users:
        return
    ids = {"ids": json.dumps(sorted(users))}
    refused = (
        f"SELECT c.user_id, c.channel, c.class, c.at FROM {dialect.elements('ids')}"
        " JOIN consent c ON c.user_id = CAST(k.value AS bigint) WHERE NOT c.granted"
    )
    by_channel = {one.channel: one for one in channels}
    rows: list[_Row] = []
    for user, channel, message_class, at in connection.execute(text(refused), ids):
        known = by_channel.get(channel)
        address = _address(known, users[user]) if known else None
        if address is not None:
            rows.append((channel, message_class, address, user, at))
    connection.execute(text(_lifting(dialect)), ids)
    _note(connection, dialect, rows)
    refuse_by_devices(connection, dialect, channels, users)


def refuse_by_devices(
    connection: Connection, dialect: Dialect, channels: Sequence[ChannelAddress], users: Iterable[int]
) -> None:
    """Note the refusals of ``users`` on channels to devices for the devices that they have now.

    The caller holds these users' locks.
    """
    by_channel = {one.channel: one for one in channels if one.devices}
    if not by_channel:
        return
    named = ", ".join(f"'{channel}'" for channel in sorted(by_channel))
    refused = (
        f"SELECT c.user_id, c.channel, c.class, c.at, d.token FROM {dialect.elements('ids')}"
        f" JOIN consent c ON c.user_id = CAST(k.value AS bigint) AND NOT c.granted AND c.channel IN ({named})"
        " JOIN device d ON d.user_id = c.user_id"
    )
    rows: list[_Row] = []
    for user, channel, message_class, at, token in connection.execute(
        text(refused), {"ids": json.dumps(sorted(users))}
    ):
        address = by_channel[channel].compared(token)
        if address is not None:
            rows.append((channel, message_class, address, user, at))
    _note(connection, dialect, rows)


def _note(connection: Connection, dialect: Dialect, rows: Sequence["_Row"]) -> None:
    if rows:
        connection.execute(text(_noting(dialect)), {"rows": pack(sorted(rows))})


NOBODY = 0
"""The user of refusals by addresses that no user had."""


def refuse_address(
    connection: Connection, dialect: Dialect, channel: str, classes: Sequence[str], *, address: str, at: int
) -> None:
    """Note that somebody refuses ``classes`` at an address that no user has: whoever gets it later is not written to."""
    rows = [(channel, one, address, NOBODY, at) for one in sorted(classes)]
    connection.execute(text(_noting(dialect)), {"rows": pack(rows)})


def admit_address(
    connection: Connection, dialect: Dialect, channel: str, *, address: str, owners: Sequence[int], until: int
) -> int:
    """Take back who refused at ``address`` up to ``until`` without being one of its ``owners`` now; return how many.

    These are refusals by nobody known, and by users who had the address before. The owners' own go by their consents.
    """
    theirs = rowset(dialect, "owners", id="BIGINT")
    lifting = (
        "DELETE FROM address_refusal WHERE channel = :channel AND address = :address AND at <= :until"
        f" AND NOT EXISTS (SELECT 1 FROM {theirs} AS r WHERE r.id = address_refusal.user_id)"
    )
    binds = {"channel": channel, "address": address, "until": until, "owners": pack([[one] for one in sorted(owners)])}
    return connection.execute(text(lifting), binds).rowcount


def _address(known: ChannelAddress, profile: Mapping[str, Json]) -> str | None:
    value = profile.get(known.field)
    return known.compared(str(value)) if isinstance(value, (str, int)) and value != "" else None


def _lifting(dialect: Dialect) -> str:
    """Return SQL that deletes what these users no longer refuse."""
    these = f"SELECT CAST(k.value AS bigint) FROM {dialect.elements('ids')}"
    still = (
        "SELECT 1 FROM consent AS c WHERE c.user_id = address_refusal.user_id AND c.channel = address_refusal.channel"
        " AND c.class = address_refusal.class AND NOT c.granted"
    )
    return f"DELETE FROM address_refusal WHERE user_id {dialect.among(these)} AND NOT EXISTS ({still})"


def _noting(dialect: Dialect) -> str:
    given = rowset(dialect, "rows", channel="TEXT", message_class="TEXT", address="TEXT", user_id="BIGINT", at="BIGINT")
    return (
        "INSERT INTO address_refusal (channel, class, address, user_id, at)"
        f" SELECT r.channel, r.message_class, r.address, r.user_id, r.at FROM {given} AS r WHERE true"
        " ON CONFLICT (channel, class, address, user_id) DO UPDATE SET at = excluded.at"
        " WHERE address_refusal.at <> excluded.at"
    )
