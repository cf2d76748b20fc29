"""The customers: profiles, events, consents, suppressions."""

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Text
from sqlmodel import Field, SQLModel

from engine.store.tables.columns import big, json_column, partial_index, row_id, text_column


class Users(SQLModel, table=True):
    """The customers of the brand. Plural, because ``user`` is a reserved word in SQL."""

    __tablename__ = "users"

    # A reply is known by its number alone.
    __table_args__ = (partial_index("users_phone", "phone", where="phone IS NOT NULL"),)

    id: int = row_id()
    key: str = text_column(unique=True)
    email: str | None = text_column(null=True)
    phone: str | None = text_column(null=True)
    locale: str | None = text_column(null=True)
    timezone: str | None = text_column(null=True)
    country: str | None = text_column(null=True)
    first_seen_at: int = big()
    """The earlier of the imported creation date and the first event."""
    attributes: dict[str, Any] | None = json_column()
    updated_at: int = big()


class Device(SQLModel, table=True):
    """A device on which a user has the brand's app, or allowed its website to notify them.

    A token belongs to the user who was seen with it last.
    """

    __tablename__ = "device"
    __table_args__ = (Index("device_of_user", "user_id", "last_seen_at"),)

    id: int = row_id()
    user_id: int = big()
    platform: str = text_column()
    """``android``, ``ios``, ``web`` or ``unknown``."""
    token: str = text_column(unique=True)
    """The address of messages to the device, issued by its platform."""
    locale: str | None = text_column(null=True)
    last_seen_at: int = big()
    """When the user was last seen with it, in UTC milliseconds."""
    created_at: int = big()


class Zone(SQLModel, table=True):
    """The time zones of all users, maintained by intake so that a tick need not search the users for them."""

    __tablename__ = "zone"

    name: str = Field(sa_column=Column(Text, primary_key=True))


class Event(SQLModel, table=True):
    """Something a user did at an instant. ``key`` makes it idempotent."""

    __tablename__ = "event"
    # Covers the facts that need no other property, so that a refresh reads one contiguous range per user.
    __table_args__ = (Index("event_of_user", "user_id", "name", "at", "amount"),)

    id: int = row_id()
    key: str = text_column(unique=True)
    user_id: int = big()
    name: str = text_column()
    at: int = big()
    received_at: int = big()
    amount: int | None = big(null=True)
    """The property ``amount``, in minor units if it is declared as money."""
    properties: dict[str, Any] | None = json_column()


class Consent(SQLModel, table=True):
    """A user's latest consent for one channel and message class."""

    __tablename__ = "consent"

    user_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    channel: str = Field(sa_column=Column(Text, primary_key=True))
    message_class: str = Field(sa_column=Column("class", Text, primary_key=True))
    granted: bool
    source: str = text_column()
    at: int = big()


class AddressRefusal(SQLModel, table=True):
    """A user's refusal, by an address that the user has or had: other users with this address are not written to either."""

    __tablename__ = "address_refusal"
    __table_args__ = (Index("address_refusal_of_user", "user_id"),)

    channel: str = Field(sa_column=Column(Text, primary_key=True))
    message_class: str = Field(sa_column=Column("class", Text, primary_key=True))
    address: str = Field(sa_column=Column(Text, primary_key=True))
    """In the form in which the channel compares addresses; see ``Channel.suppression_form``."""
    user_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    """0 if nobody had the address when it was refused in reply to a message."""
    at: int = big()
    """When the user refused, in UTC milliseconds."""


class Reply(SQLModel, table=True):
    """What somebody wrote back to a message, so that it counts once: neither who it was nor what they wrote."""

    __tablename__ = "reply"

    adapter: str = Field(sa_column=Column(Text, primary_key=True))
    reference: str = Field(sa_column=Column(Text, primary_key=True))
    """The provider's id for it."""
    meaning: str = text_column()
    """See ``engine.text_messages.Meaning``."""
    at: int = big()
    """When it reached the provider, in UTC milliseconds."""


class ReachedAddress(SQLModel, table=True):
    """An address that a step of a playbook has reached on an occasion, or is about to reach: it gets no second message."""

    __tablename__ = "reached_address"
    __table_args__ = (Index("reached_address_by", "action_id"),)

    day: str = Field(sa_column=Column(Text, primary_key=True))
    """The day of the occasion, ``YYYY-MM-DD``."""
    digest: str = Field(sa_column=Column(Text, primary_key=True))
    """A hash of channel, address, playbook, step and occasion."""
    user_id: int = big()
    action_id: int = big()


class Suppression(SQLModel, table=True):
    """An address that gets no more messages: hard bounce, complaint, unsubscribe, manual, imported list."""

    __tablename__ = "suppression"
    # An undo looks for what an intervention suppressed.
    __table_args__ = (
        partial_index("suppression_by_hand", "intervention_id", where="intervention_id IS NOT NULL"),
        Index("suppression_at", "at"),
    )

    channel: str = Field(sa_column=Column(Text, primary_key=True))
    address: str = Field(sa_column=Column(Text, primary_key=True))
    """In the form that the channel compares; see ``Channel.suppression_form``."""
    reason: str = text_column()
    at: int = big()
    """Since when: the date of a former provider's bounce, else when it was added."""
    source: str | None = text_column(null=True)
    """Where it came from, such as ``by_hand``, ``import:bounces.csv`` or an adapter's name."""
    intervention_id: int | None = big(null=True)
    """What a person did that added it; None if the program did it by itself."""


class LiftedSuppression(SQLModel, table=True):
    """A suppression that a person has removed, kept for a while so that this can be undone."""

    __tablename__ = "lifted_suppression"

    intervention_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    """What removed it."""
    channel: str = Field(sa_column=Column(Text, primary_key=True))
    address: str = Field(sa_column=Column(Text, primary_key=True))
    reason: str = text_column()
    at: int = big()
    source: str | None = text_column(null=True)
    lifted_at: int = big()


class ProfileChange(SQLModel, table=True):
    """A change of a user's profile; append-only.

    The values with which a user was created have no row of their own: they are ``before`` in the first change.
    """

    __tablename__ = "profile_change"
    __table_args__ = (Index("profile_change_of_user", "user_id", "at"),)

    id: int = row_id()
    user_id: int = big()
    what: str = text_column()
    """An attribute's name, a column of ``users``, or ``consent.<channel>.<class>``."""
    before: Any = json_column()
    after: Any = json_column()
    source: str = text_column()
    """Where the new value came from, such as ``import:customers.csv``."""
    who: str | None = text_column(null=True)
    """The person who made the change by hand, as reported; None for programs."""
    at: int = big()
