"""When users are evaluated: who is due, what is new, dates that triggers ask for, and the sweep over everybody.

They are narrow on purpose: a row of ``user_state`` is rewritten only when a fact or placement changes, and has no index
but its key, so that PostgreSQL can rewrite it in place (a HOT update). Only ``store.due``, ``store.news``, ``facts.dates`` and
``store.sweep`` write these tables.
"""

from sqlalchemy import BigInteger, Boolean, Column, Index, Text
from sqlmodel import Field, SQLModel

from engine.store.tables.columns import RowId, big, row_id, text_column


class UserDue(SQLModel, table=True):
    """When a user is evaluated next; its row is also the lock on the user."""

    __tablename__ = "user_due"
    __table_args__ = (Index("user_due_at", "due_at"),)

    user_id: int = Field(sa_column=Column(RowId, primary_key=True, autoincrement=False))
    due_at: int = big()
    """UTC milliseconds; 0 for at once, ahead of everybody who is due by the calendar."""
    cause: str | None = text_column(null=True)
    """Why the user is due, if for any reason but time; see ``store.due``."""
    evaluated_at: int | None = big(null=True)
    """The instant of the last evaluation; None for users who are new."""


class UserNews(SQLModel, table=True):
    """Appended by intake, which therefore waits for no tick; ticks fold it into ``user_due`` and delete it."""

    __tablename__ = "user_news"

    id: int = row_id()
    user_id: int = big()
    due_at: int = big()
    cause: str = text_column()


class UserDate(SQLModel, table=True):
    """A fact of type date of one user, by which date triggers find users."""

    __tablename__ = "user_date"
    __table_args__ = (Index("user_date_day", "fact", "month_day", "year"),)

    fact: str = Field(sa_column=Column(Text, primary_key=True))
    user_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    month_day: str = text_column()
    """``MM-DD``; apart from the year, because most triggers recur every year."""
    year: str = text_column()
    """``YYYY``."""


class Sweep(SQLModel, table=True):
    """A re-evaluation of everybody after a change of rules or scores. At most one is open."""

    __tablename__ = "sweep"

    id: int = row_id()
    cause: str = text_column()
    """The cause of its transitions: ``rules`` or ``scores``; ``time`` after a migration, which edits nothing."""
    depth: str = text_column()
    """What is computed again: see ``store.sweep.SweepDepth``."""
    everybody: bool = Field(sa_column=Column(Boolean, nullable=False))
    """Whether triggers are asked about everybody, or only about users who move."""
    version: str = text_column()
    """The version of the files that opened it."""
    opened_at: int = big()
    """By the wall clock, like the two below: they tell how long it takes."""
    started_at: int | None = big(null=True)
    finished_at: int | None = big(null=True)


class SweepRange(SQLModel, table=True):
    """A range of user ids of an open sweep; workers take different ranges. Deleted when the sweep is finished."""

    __tablename__ = "sweep_range"

    sweep_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    low: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    high: int = big()
    """One past its last id."""
    next_user: int = big()
    """The cursor: the first id that has not been reached."""
    reached_at: int | None = big(null=True)
    """When the cursor moved last, by the wall clock; None if it has not."""
