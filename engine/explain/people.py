"""Reading a user's profile and facts."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text

from engine.channels.base import Channel, with_contact
from engine.clock import Instant
from engine.content.value_types import ValueType
from engine.explain.models import FactValue, Person, SuppressedAddress, Value
from engine.explain.words import shown_value
from engine.facts.model import Fact, FactCatalog
from engine.rules.place.subjects import LOOK
from engine.store.dialects import dialect_of

_SUPPRESSED = text("SELECT reason, source, at FROM suppression WHERE channel = :channel AND address = :address")


def person(connection: Connection, channels: Sequence[Channel], key: str, *, show_addresses: bool) -> Person:
    """Return the user's profile; addresses masked unless ``show_addresses``."""
    query = text("SELECT key, locale, timezone, country, first_seen_at FROM users WHERE key = :key")
    row = connection.execute(query, {"key": key}).mappings().one()
    return Person(
        key=row["key"],
        addresses={
            channel.name: address if show_addresses else channel.masked(address)
            for channel, address in _addresses(connection, with_contact(channels), key)
        },
        locale=row["locale"],
        timezone=row["timezone"],
        country=row["country"],
        first_seen_at=Instant(row["first_seen_at"]),
    )


def _addresses(connection: Connection, channels: Sequence[Channel], key: str) -> list[tuple[Channel, str]]:
    dialect = dialect_of(connection)
    listed = ", ".join(channel.address.sql(dialect) for channel in channels) or "NULL"
    row = connection.execute(text(f"SELECT {listed} FROM users AS u WHERE u.key = :key"), {"key": key}).one()
    return [(channel, str(address)) for channel, address in zip(channels, row, strict=False) if address]


def suppressed(
    connection: Connection, channels: Sequence[Channel], key: str, *, show_addresses: bool
) -> tuple[SuppressedAddress, ...]:
    """Return those of the user's addresses that get no more messages, and why; ``devices`` tells it of devices."""
    found = []
    to_users = [channel for channel in channels if not channel.address.devices]  # ``devices`` has the others
    for channel, address in _addresses(connection, to_users, key):
        row = connection.execute(_SUPPRESSED, {"channel": channel.name, "address": channel.compared(address)}).first()
        if row is not None:
            shown = address if show_addresses else channel.masked(address)
            found.append(SuppressedAddress(channel.name, shown, row.reason, row.source, Instant(row.at)))
    return tuple(found)


def facts(
    connection: Connection,
    catalog: FactCatalog,
    channels: Sequence[Channel],
    currency: str,
    *,
    show_addresses: bool,
) -> tuple[FactValue, ...]:
    """Return the facts of the one user in ``look``, in the order of the file."""
    hidden = {} if show_addresses else {channel.address.name: channel for channel in with_contact(channels)}
    listed = "".join(f", s.{fact.column}" for fact in catalog.facts.values())
    values = connection.execute(text(f"SELECT s.user_id{listed} FROM {LOOK} AS s")).one()[1:]
    return tuple(
        _fact(fact, _value(fact, value, hidden), currency)
        for fact, value in zip(catalog.facts.values(), values, strict=True)
    )


def _value(fact: Fact, value: Value, hidden: Mapping[str, Channel]) -> Value:
    if value is None:
        return None
    if (channel := hidden.get(fact.source.copies)) is not None:
        return channel.masked(str(value))
    return bool(value) if fact.type is ValueType.BOOLEAN else value


def _fact(fact: Fact, value: Value, currency: str) -> FactValue:
    return FactValue(
        name=fact.name,
        type=fact.type.value,
        value=value,
        shown=shown_value(fact.type, value, currency),
        source=fact.source.words(),
        description=fact.description,
    )
