"""The program itself: ticks, workers, secrets, imports, quarantine."""

from sqlalchemy import BigInteger, Column, Index, Integer, Text
from sqlmodel import Field, SQLModel

from engine.store.tables.columns import big, row_id, text_column


class Tick(SQLModel, table=True):
    """One pass of the pipeline and its counts."""

    __tablename__ = "tick"

    id: int = row_id()
    at: int = big()
    started_at: int = big()
    ended_at: int | None = big(null=True)
    content_version: str = text_column()
    users: int = Field(default=0, sa_column=Column(Integer, nullable=False, default=0))
    transitions: int = Field(default=0, sa_column=Column(Integer, nullable=False, default=0))
    enrolments: int = Field(default=0, sa_column=Column(Integer, nullable=False, default=0))
    actions: int = Field(default=0, sa_column=Column(Integer, nullable=False, default=0))
    error: str | None = text_column(null=True)


class Worker(SQLModel, table=True):
    """A running process, as ``habitue status`` shows it."""

    __tablename__ = "worker"

    name: str = Field(sa_column=Column(Text, primary_key=True))
    started_at: int = big()
    seen_at: int = big()
    content_version: str | None = text_column(null=True)
    notices: str = text_column(server_default="[]")
    """What only this process knows and an admin must, as JSON: see ``explain.notices``."""


class Alert(SQLModel, table=True):
    """A problem of which a service tells staff, or has told them: see ``engine.alerts.memory``."""

    __tablename__ = "alert"

    target: str = Field(sa_column=Column(Text, primary_key=True))
    """A hash of the service's URL."""
    kind: str = Field(sa_column=Column(Text, primary_key=True))
    """The name of the check of ``habitue status``."""
    subject: str = Field(sa_column=Column(Text, primary_key=True))
    since: int = big()
    """When it was first found."""
    told_at: int | None = big(null=True)
    """When the service was last told that it lasts."""
    gone_at: int | None = big(null=True)
    """Since when it has not been found; None while it lasts."""
    next_at: int = big()
    """When the service is due to be told."""
    tries: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    """How often that was tried since it last worked."""


class Secret(SQLModel, table=True):
    """A random secret that this installation generated because the settings have none."""

    __tablename__ = "secret"

    name: str = Field(sa_column=Column(Text, primary_key=True))
    value: str = text_column()
    created_at: int = big()


class ImportFile(SQLModel, table=True):
    """How far a file was imported, so that an interrupted import can be resumed."""

    __tablename__ = "import_file"

    fingerprint: str = Field(sa_column=Column(Text, primary_key=True))
    """Hash of the file's content, its kind and its column map."""
    rows: int = big()
    """Rows committed."""
    finished: bool
    at: int = big()


class Quarantine(SQLModel, table=True):
    """A row that could not be processed: set aside with a reason, and retried after a while."""

    __tablename__ = "quarantine"
    __table_args__ = (Index("quarantine_retry", "retry_at"),)

    kind: str = Field(sa_column=Column(Text, primary_key=True))
    """``user``, ``enrolment`` or ``action``."""
    row_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    stage: str = text_column()
    """The stage that failed."""
    reason: str = text_column()
    detail: str = text_column()
    """The error's type and its place in the program; no values."""
    since: int = big()
    retry_at: int = big()
    tries: int = Field(default=1, sa_column=Column(Integer, nullable=False, server_default="1"))
