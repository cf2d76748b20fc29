"""What people do by hand, and what they have paused."""

from sqlalchemy import Column, Index, Integer, Text
from sqlmodel import Field, SQLModel

from engine.store.tables.columns import big, partial_index, row_id, text_column


class Intervention(SQLModel, table=True):
    """One thing that a person did to what runs; append-only, and without personal data of customers."""

    __tablename__ = "intervention"
    __table_args__ = (
        Index("intervention_at", "at"),
        # Nothing is undone twice, even if two people try at once.
        partial_index("intervention_undone", "undoes", where="undoes IS NOT NULL", unique=True),
    )

    id: int = row_id()
    at: int = big()
    who: str | None = text_column(null=True)
    """The person, as claimed; None if the operating system had no name for the login."""
    command: str = text_column()
    """What was done, as the command is called: ``pause``, ``resume``, ``resolve``, …"""
    subject: str = text_column()
    """To what: ``playbook winback``, ``everything``, ``14 actions``."""
    why: str | None = text_column(null=True)
    count: int = Field(default=0, sa_column=Column("changed", Integer, nullable=False, server_default="0"))
    """How many rows it changed."""
    undoes: int | None = big(null=True)
    """The intervention that this one undid."""


class Pause(SQLModel, table=True):
    """What is paused now, and by whom or what; a row goes when it is resumed."""

    __tablename__ = "pause"

    scope: str = Field(sa_column=Column(Text, primary_key=True))
    """``playbook``, ``channel``, ``adapter``, ``class`` or ``everything``."""
    name: str = Field(sa_column=Column(Text, primary_key=True))
    """The name within the scope; empty for ``everything``."""
    origin: str = Field(sa_column=Column(Text, primary_key=True))
    """``person``, ``file`` or ``retired``: see ``engine.store.paused``. One does not end another's pause."""
    since: int = big()
    intervention_id: int | None = big(null=True)
    """What the person did; None if files did it."""
    cancel_at: int | None = big(null=True)
    """Of ``retired``: when what waits is cancelled; None if it goes on, once all that was held is released."""
    held_at: int | None = big(null=True)
    """Of ``retired``: since when all its messages have been held, so that what a person releases is sent."""
