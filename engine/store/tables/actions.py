"""Actions and their history: the log, the outbox and the record that prevents duplicates."""

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from engine.store.tables.columns import JsonText, big, partial_index, row_id, text_column


class Action(SQLModel, table=True):
    """One action for one user, taken or deliberately not taken. The table is log, outbox and deduplication record."""

    __tablename__ = "action"
    __table_args__ = (
        UniqueConstraint("enrolment_id", "step", "attempt", name="action_once"),
        Index("action_of_user", "user_id"),
        partial_index("action_due", "due_at", where="state IN ('queued', 'deferred', 'retrying')"),
        # Delivery claims by channel, and in each the most urgent (class, priority) first: see claims.py.
        partial_index(
            "action_next",
            "channel",
            "class",
            "priority",
            "due_at",
            "id",
            where="state IN ('queued', 'deferred', 'retrying')",
        ),
        partial_index("action_leased", "lease_until", where="state IN ('claimed', 'handed_off')"),
        partial_index("action_held", "reason", where="state IN ('held', 'unknown')"),
        # What `habitue status` asks for; few actions are in these.
        partial_index("action_failed", "changed_at", "channel", "reason", where="state = 'failed'"),
        partial_index(
            "action_stopped",
            "channel",
            "reason",
            where="state = 'queued' AND reason IN ('adapter_down', 'code_at_fault')",
        ),
        # A receipt identifies a message by the provider's id.
        partial_index("action_reference", "reference", "adapter", where="reference IS NOT NULL"),
    )

    id: int = row_id()
    enrolment_id: int = big()
    step: str = text_column()
    """The step's id."""
    attempt: int = big()
    """Counts the channels tried for this step, from 1."""
    user_id: int = big()
    playbook: str = text_column()
    version: str = text_column()
    kind: str = text_column()
    """``message`` or ``coupon``."""
    message_class: str = Field(sa_column=Column("class", Text, nullable=False))
    """``marketing``, ``service`` or ``transactional``."""
    priority: int = big()
    channel: str | None = text_column(null=True)
    next_channels: str = text_column()
    """Comma-separated: the channels to try next if the gates refuse this one."""
    template: str | None = text_column(null=True)
    template_hash: str | None = text_column(null=True)
    """Hash of the template's files as rendered; None before rendering."""
    locale: str | None = text_column(null=True)
    """The locale of the template that was rendered; None before rendering."""
    send_window: str | None = text_column(null=True)
    """``HH:MM-HH:MM`` in the user's own zone."""
    coupon: str | None = text_column(null=True)
    """The coupon that the message must contain; see ``coupon_code``."""
    state: str = text_column()
    reason: str = text_column()
    due_at: int = big()
    """When delivery may claim it next."""
    expires_at: int = big()
    tries: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    """How often it was handed to a provider."""
    lease_until: int | None = big(null=True)
    fence: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    """Grows with each claim: results under an older fence are refused."""
    device_id: int | None = big(null=True)
    """The device to which it goes; None if the channel does not go to devices, or before its first hand-off."""
    adapter: str | None = text_column(null=True)
    reference: str | None = text_column(null=True)
    """The provider's id for the message."""
    send_key: str | None = text_column(null=True)
    """By what ``adapter`` recognises a second copy of the message; see ``engine.actions.send_keys``."""
    send_key_until: int | None = big(null=True)
    """Until when it does."""
    in_doubt_since: int | None = big(null=True)
    """Since when it is not known whether it was sent, while it is being sent again with its key."""
    created_at: int = big()
    changed_at: int = big()


class ActionEvent(SQLModel, table=True):
    """Every change of an action's state; append-only."""

    __tablename__ = "action_event"
    __table_args__ = (
        Index("action_event_of_action", "action_id"),
        Index("action_event_at", "at"),
        # An undo looks for what an intervention changed, in the order of the actions.
        partial_index("action_event_by_hand", "intervention_id", "action_id", where="intervention_id IS NOT NULL"),
    )

    id: int = row_id()
    action_id: int = big()
    at: int = big()
    state: str = text_column()
    reason: str = text_column()
    detail: str = text_column()
    """The program's own text, without personal data; the provider's text is in ``provider_text``."""
    intervention_id: int | None = big(null=True)
    """What a person did that caused it; None if the program did it by itself."""


class ActionContent(SQLModel, table=True):
    """The content and recipient of one action, as of its last hand-off: everything that identifies a person.

    Kept for the retention period and deleted by an erasure; ``action`` and ``action_event`` stay.
    """

    __tablename__ = "action_content"
    __table_args__ = (Index("action_content_at", "at"),)

    action_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    address: str | None = text_column(null=True)
    """The address it was sent to."""
    subject: str | None = text_column(null=True)
    """The subject of an email, the title of a push, the beginning of a text."""
    code: str | None = text_column(null=True)
    """The coupon code that it contained."""
    values: dict[str, Any] | None = Field(default=None, sa_column=Column("template_values", JsonText, nullable=True))
    """The values that the template read and, under ``render``, the locale, zone and currency for its filters."""
    at: int = big()
    """When it was last handed off."""


class ProviderText(SQLModel, table=True):
    """A provider's text for an event of an action; kept and deleted like ``action_content``."""

    __tablename__ = "provider_text"

    event_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    said: str = text_column()
