"""Users' transitions, and the files and cut points that decided them."""

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Text
from sqlmodel import Field, SQLModel

from engine.store.tables.columns import big, json_column, row_id, text_column


class Transition(SQLModel, table=True):
    """A change of placement; append-only. In a ``segments`` dimension, a row is one segment entered or left."""

    __tablename__ = "transition"
    __table_args__ = (Index("transition_of_user", "user_id", "at"),)

    id: int = row_id()
    user_id: int = big()
    dimension: str = text_column()
    from_place: str | None = text_column(null=True)
    to_place: str | None = text_column(null=True)
    at: int = big()
    cause: str | None = text_column(null=True)
    """``behaviour``, ``time``, ``rules``, ``scores``, ``import``, ``merge`` or ``person``.

    None in rows older than revision 0002.
    """
    rule: str = text_column()
    rules_version: str = text_column()
    signature: int = big()


class Version(SQLModel, table=True):
    """Files as applied, by content hash. ``kind`` is ``content`` (all files), ``rules`` or ``playbook``."""

    __tablename__ = "version"

    kind: str = Field(sa_column=Column(Text, primary_key=True))
    name: str = Field(sa_column=Column(Text, primary_key=True))
    """Empty for ``content`` and ``rules``; the playbook's name otherwise."""
    hash: str = Field(sa_column=Column(Text, primary_key=True))
    files: dict[str, Any] = json_column(null=False)
    """Path -> text."""
    applied_at: int = big()
    """When it was last made the running version, in UTC milliseconds."""
    first_applied_at: int = big()
    who: str | None = text_column(null=True)
    """The person who last applied it, as claimed; None if a tick did, or before revision 0003."""


class CutPoints(SQLModel, table=True):
    """The cut points of one quantile fact from an instant on. A score is 1 plus the number of cut points exceeded.

    All rows are kept. A calibration adds one only if the cut points differ from the newest.
    """

    __tablename__ = "cut_points"

    fact: str = Field(sa_column=Column(Text, primary_key=True))
    calibrated_at: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    cuts: list[float] = json_column(null=False)
    """Empty if no user had a value."""
    value_count: int | None = big(null=True)
    """How many users had a value. None in rows older than revision 0003."""
