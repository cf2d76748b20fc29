"""The fixed tables, as SQLModel classes. ``user_state`` follows the declared facts instead: see ``state_table``.

Instants are UTC milliseconds, money is in minor units of the brand's currency, JSON columns are JSONB on PostgreSQL.
Hot paths use these tables through SQLAlchemy Core (``Users.__table__``).
"""

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

JsonText = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
# SQLite numbers rows itself only where the key's type is exactly INTEGER.
RowId = BigInteger().with_variant(Integer(), "sqlite")


def _id() -> Any:  # noqa: ANN401 - SQLModel's Field is typed as Any
    return Field(default=None, sa_column=Column(RowId, primary_key=True, autoincrement=True))


def _text(*, null: bool = False, **options: Any) -> Any:  # noqa: ANN401
    return Field(default=None, sa_column=Column(Text, nullable=null, **options))


def _big(*, null: bool = False, **options: Any) -> Any:  # noqa: ANN401
    return Field(default=None, sa_column=Column(BigInteger, nullable=null, **options))


def _json(*, null: bool = True) -> Any:  # noqa: ANN401
    return Field(default=None, sa_column=Column(JsonText, nullable=null))


class Users(SQLModel, table=True):
    """The customers of the brand. Plural, because ``user`` is a reserved word of SQL."""

    __tablename__ = "users"

    id: int = _id()
    key: str = _text(unique=True)
    email: str | None = _text(null=True)
    phone: str | None = _text(null=True)
    push_token: str | None = _text(null=True)
    locale: str | None = _text(null=True)
    timezone: str | None = _text(null=True)
    country: str | None = _text(null=True)
    first_seen_at: int = _big()
    """The earlier of the stated creation and the earliest event."""
    attributes: dict[str, Any] | None = _json()
    updated_at: int = _big()


class Zone(SQLModel, table=True):
    """The time zones that users have, kept by intake so that a tick need not look for them among the users."""

    __tablename__ = "zone"

    name: str = Field(sa_column=Column(Text, primary_key=True))


class Event(SQLModel, table=True):
    """Something a user did at an instant. ``key`` makes it idempotent."""

    __tablename__ = "event"
    # Covers the facts that need no other property, so that a refresh reads one contiguous range per user.
    __table_args__ = (Index("event_of_user", "user_id", "name", "at", "amount"),)

    id: int = _id()
    key: str = _text(unique=True)
    user_id: int = _big()
    name: str = _text()
    at: int = _big()
    received_at: int = _big()
    amount: int | None = _big(null=True)
    """The property called ``amount``, in minor units where it is declared as money."""
    properties: dict[str, Any] | None = _json()


class Consent(SQLModel, table=True):
    """What a user said about one channel and class of message; the newest word counts."""

    __tablename__ = "consent"

    user_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    channel: str = Field(sa_column=Column(Text, primary_key=True))
    message_class: str = Field(sa_column=Column("class", Text, primary_key=True))
    granted: bool
    source: str = _text()
    at: int = _big()


class Suppression(SQLModel, table=True):
    """An address that gets nothing more: hard bounce, complaint, unsubscribe, manual, imported list."""

    __tablename__ = "suppression"

    channel: str = Field(sa_column=Column(Text, primary_key=True))
    address: str = Field(sa_column=Column(Text, primary_key=True))
    reason: str = _text()
    at: int = _big()


class Transition(SQLModel, table=True):
    """A change of placement; append-only. In a ``segments`` dimension a row is one segment entered or left."""

    __tablename__ = "transition"
    __table_args__ = (Index("transition_of_user", "user_id", "at"),)

    id: int = _id()
    user_id: int = _big()
    dimension: str = _text()
    from_place: str | None = _text(null=True)
    to_place: str | None = _text(null=True)
    at: int = _big()
    rule: str = _text()
    rules_version: str = _text()
    signature: int = _big()


class Version(SQLModel, table=True):
    """Files as they were applied, by content hash. ``kind`` is ``content`` (all files), ``rules`` or ``playbook``."""

    __tablename__ = "version"

    kind: str = Field(sa_column=Column(Text, primary_key=True))
    name: str = Field(sa_column=Column(Text, primary_key=True))
    """Empty for ``content`` and ``rules``; the playbook's name otherwise."""
    hash: str = Field(sa_column=Column(Text, primary_key=True))
    files: dict[str, Any] = _json(null=False)
    """Path -> text."""
    applied_at: int = _big()
    """When it was last made the running version, in UTC milliseconds."""
    first_applied_at: int = _big()


class CutPoints(SQLModel, table=True):
    """The calibrated cut points of one quantile fact: a score is 1 plus the number of cuts that the value exceeds."""

    __tablename__ = "cut_points"

    fact: str = Field(sa_column=Column(Text, primary_key=True))
    cuts: list[float] = _json(null=False)
    calibrated_at: int = _big()


class Enrolment(SQLModel, table=True):
    """One user's passage through one version of a playbook."""

    __tablename__ = "enrolment"
    __table_args__ = (
        UniqueConstraint("playbook", "user_id", "occurrence", name="enrolment_once"),
        Index("enrolment_of_user", "user_id"),
        Index(
            "enrolment_due",
            "due_at",
            sqlite_where=text("state = 'active'"),
            postgresql_where=text("state = 'active'"),
        ),
    )

    id: int = _id()
    playbook: str = _text()
    version: str = _text()
    user_id: int = _big()
    occurrence: str = _text()
    """What it is about: ``transition:17``, ``event:18``, ``date:2026``, ``slot:2026-11-21T10:00``, ``when:1``."""
    state: str = _text()
    """``active``, ``finished``, ``exited``, ``expired`` or ``cancelled``."""
    step: int = _big()
    """Index of the step that comes next."""
    due_at: int = _big()
    trigger_at: int = _big()
    """The instant of what triggered it; the playbook's ``expires`` counts from here."""
    event_id: int | None = _big(null=True)
    """The event that triggered it, for its template."""
    entered_at: int = _big()
    waiting_since: int | None = _big(null=True)
    """When it began to wait for an event, where it does."""
    ended_at: int | None = _big(null=True)
    reason: str | None = _text(null=True)


class Action(SQLModel, table=True):
    """One thing done, or deliberately not done, to one user. The log, the outbox and the memory against duplicates."""

    __tablename__ = "action"
    __table_args__ = (
        UniqueConstraint("enrolment_id", "step", "attempt", name="action_once"),
        Index("action_of_user", "user_id"),
        Index(
            "action_due",
            "due_at",
            sqlite_where=text("state IN ('queued', 'deferred', 'retrying')"),
            postgresql_where=text("state IN ('queued', 'deferred', 'retrying')"),
        ),
        # Delivery claims channel by channel, and in each the most urgent (class, priority) first: see claim.py.
        Index(
            "action_next",
            "channel",
            "class",
            "priority",
            "due_at",
            "id",
            sqlite_where=text("state IN ('queued', 'deferred', 'retrying')"),
            postgresql_where=text("state IN ('queued', 'deferred', 'retrying')"),
        ),
        Index(
            "action_leased",
            "lease_until",
            sqlite_where=text("state IN ('claimed', 'handed_off')"),
            postgresql_where=text("state IN ('claimed', 'handed_off')"),
        ),
        Index(
            "action_held",
            "reason",
            sqlite_where=text("state IN ('held', 'unknown')"),
            postgresql_where=text("state IN ('held', 'unknown')"),
        ),
    )

    id: int = _id()
    enrolment_id: int = _big()
    step: str = _text()
    """The step's id."""
    attempt: int = _big()
    """Counts the channels tried for this step, from 1."""
    user_id: int = _big()
    playbook: str = _text()
    version: str = _text()
    kind: str = _text()
    """``message`` or ``coupon``."""
    message_class: str = Field(sa_column=Column("class", Text, nullable=False))
    """``marketing``, ``service`` or ``transactional``."""
    priority: int = _big()
    channel: str | None = _text(null=True)
    next_channels: str = _text()
    """Comma-separated: which channels follow if the gates refuse this one."""
    template: str | None = _text(null=True)
    send_window: str | None = _text(null=True)
    """``HH:MM-HH:MM`` in the user's own zone."""
    coupon: str | None = _text(null=True)
    """Name of the coupon that the message must carry; see ``coupon_code``."""
    state: str = _text()
    reason: str = _text()
    due_at: int = _big()
    """When delivery may look at it next."""
    expires_at: int = _big()
    tries: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    """How often it was handed to a provider."""
    lease_until: int | None = _big(null=True)
    fence: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    """Grows with each claim: an answer under an older fence is refused."""
    adapter: str | None = _text(null=True)
    reference: str | None = _text(null=True)
    """The provider's id for the message."""
    created_at: int = _big()
    changed_at: int = _big()


class ActionEvent(SQLModel, table=True):
    """Every change of an action's state; append-only."""

    __tablename__ = "action_event"
    __table_args__ = (Index("action_event_of_action", "action_id"), Index("action_event_at", "at"))

    id: int = _id()
    action_id: int = _big()
    at: int = _big()
    state: str = _text()
    reason: str = _text()
    detail: str = _text()


class CouponCode(SQLModel, table=True):
    """One unique code: free while it has no enrolment, then that enrolment's for good."""

    __tablename__ = "coupon_code"
    __table_args__ = (
        UniqueConstraint("enrolment_id", "coupon", name="coupon_once"),
        Index(
            "coupon_free",
            "coupon",
            "id",
            sqlite_where=text("enrolment_id IS NULL"),
            postgresql_where=text("enrolment_id IS NULL"),
        ),
    )

    id: int = _id()
    coupon: str = _text()
    code: str = _text(unique=True)
    expires_at: int | None = _big(null=True)
    enrolment_id: int | None = _big(null=True)
    user_id: int | None = _big(null=True)
    claimed_at: int | None = _big(null=True)


class Slot(SQLModel, table=True):
    """A scheduled occasion that was taken, before its work began: (schedule, slot) is unique across workers."""

    __tablename__ = "slot"

    schedule: str = Field(sa_column=Column(Text, primary_key=True))
    slot: str = Field(sa_column=Column(Text, primary_key=True))
    taken_at: int = _big()


class Tick(SQLModel, table=True):
    """One pass of the pipeline and what it did."""

    __tablename__ = "tick"

    id: int = _id()
    at: int = _big()
    started_at: int = _big()
    ended_at: int | None = _big(null=True)
    content_version: str = _text()
    users: int = Field(default=0, sa_column=Column(Integer, nullable=False, default=0))
    transitions: int = Field(default=0, sa_column=Column(Integer, nullable=False, default=0))
    enrolments: int = Field(default=0, sa_column=Column(Integer, nullable=False, default=0))
    actions: int = Field(default=0, sa_column=Column(Integer, nullable=False, default=0))
    error: str | None = _text(null=True)


class Worker(SQLModel, table=True):
    """A running process, as ``habitue status`` shows it."""

    __tablename__ = "worker"

    name: str = Field(sa_column=Column(Text, primary_key=True))
    started_at: int = _big()
    seen_at: int = _big()
    content_version: str | None = _text(null=True)
    message: str | None = _text(null=True)
    """What it wants an admin to know: for example that the files have errors and the last good version runs."""


class Secret(SQLModel, table=True):
    """A random key that this installation made for itself, where the settings give none."""

    __tablename__ = "secret"

    name: str = Field(sa_column=Column(Text, primary_key=True))
    value: str = _text()
    created_at: int = _big()


class ImportFile(SQLModel, table=True):
    """How far a file was imported, so that an interrupted import goes on where it was."""

    __tablename__ = "import_file"

    fingerprint: str = Field(sa_column=Column(Text, primary_key=True))
    """Hash of the file's content, its kind and its column map."""
    rows: int = _big()
    """Rows committed."""
    finished: bool
    at: int = _big()
