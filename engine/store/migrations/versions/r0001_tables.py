"""The fixed tables as they were first released, and the base of ``user_state``."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
# SQLite numbers rows itself only if the key's type is exactly INTEGER.
_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _id() -> sa.Column[Any]:
    return sa.Column("id", _ROW_ID, primary_key=True, autoincrement=True)


def _text(name: str, *, null: bool = False, **options: Any) -> sa.Column[Any]:  # noqa: ANN401
    return sa.Column(name, sa.Text, nullable=null, **options)


def _big(name: str, *, null: bool = False, **options: Any) -> sa.Column[Any]:  # noqa: ANN401
    return sa.Column(name, sa.BigInteger, nullable=null, **options)


def _json(name: str, *, null: bool = True) -> sa.Column[Any]:
    return sa.Column(name, _JSON, nullable=null)


def _index(name: str, table: str, *columns: str, where: str | None = None) -> None:
    part = sa.text(where) if where else None
    op.create_index(name, table, list(columns), sqlite_where=part, postgresql_where=part)


def upgrade() -> None:
    """Make all tables."""
    _people()
    _places()
    _playbooks()
    _actions()
    _running()
    _user_state()


def _people() -> None:
    op.create_table(
        "users",
        _id(),
        _text("key", unique=True),
        _text("email", null=True),
        _text("phone", null=True),
        _text("push_token", null=True),
        _text("locale", null=True),
        _text("timezone", null=True),
        _text("country", null=True),
        _big("first_seen_at"),
        _json("attributes"),
        _big("updated_at"),
    )
    op.create_table(
        "zone",
        _text("name", primary_key=True),
    )
    op.create_table(
        "event",
        _id(),
        _text("key", unique=True),
        _big("user_id"),
        _text("name"),
        _big("at"),
        _big("received_at"),
        _big("amount", null=True),
        _json("properties"),
    )
    _index("event_of_user", "event", "user_id", "name", "at", "amount")
    op.create_table(
        "consent",
        _big("user_id", primary_key=True, autoincrement=False),
        _text("channel", primary_key=True),
        _text("class", primary_key=True),
        sa.Column("granted", sa.Boolean, nullable=False),
        _text("source"),
        _big("at"),
    )
    op.create_table(
        "suppression",
        _text("channel", primary_key=True),
        _text("address", primary_key=True),
        _text("reason"),
        _big("at"),
    )


def _places() -> None:
    op.create_table(
        "transition",
        _id(),
        _big("user_id"),
        _text("dimension"),
        _text("from_place", null=True),
        _text("to_place", null=True),
        _big("at"),
        _text("rule"),
        _text("rules_version"),
        _big("signature"),
    )
    _index("transition_of_user", "transition", "user_id", "at")
    op.create_table(
        "version",
        _text("kind", primary_key=True),
        _text("name", primary_key=True),
        _text("hash", primary_key=True),
        _json("files", null=False),
        _big("applied_at"),
        _big("first_applied_at"),
    )
    op.create_table(
        "cut_points",
        _text("fact", primary_key=True),
        _json("cuts", null=False),
        _big("calibrated_at"),
    )


def _playbooks() -> None:
    op.create_table(
        "enrolment",
        _id(),
        _text("playbook"),
        _text("version"),
        _big("user_id"),
        _text("occurrence"),
        _text("state"),
        _big("step"),
        _big("due_at"),
        _big("trigger_at"),
        _big("event_id", null=True),
        _big("entered_at"),
        _big("waiting_since", null=True),
        _big("ended_at", null=True),
        _text("reason", null=True),
        sa.UniqueConstraint("playbook", "user_id", "occurrence", name="enrolment_once"),
    )
    _index("enrolment_due", "enrolment", "due_at", where="state = 'active'")
    _index("enrolment_of_user", "enrolment", "user_id")
    op.create_table(
        "coupon_code",
        _id(),
        _text("coupon"),
        _text("code", unique=True),
        _big("expires_at", null=True),
        _big("enrolment_id", null=True),
        _big("user_id", null=True),
        _big("claimed_at", null=True),
        sa.UniqueConstraint("enrolment_id", "coupon", name="coupon_once"),
    )
    _index("coupon_free", "coupon_code", "coupon", "id", where="enrolment_id IS NULL")
    op.create_table(
        "slot",
        _text("schedule", primary_key=True),
        _text("slot", primary_key=True),
        _big("taken_at"),
    )


def _actions() -> None:
    op.create_table(
        "action",
        _id(),
        _big("enrolment_id"),
        _text("step"),
        _big("attempt"),
        _big("user_id"),
        _text("playbook"),
        _text("version"),
        _text("kind"),
        _text("class"),
        _big("priority"),
        _text("channel", null=True),
        _text("next_channels"),
        _text("template", null=True),
        _text("send_window", null=True),
        _text("coupon", null=True),
        _text("state"),
        _text("reason"),
        _big("due_at"),
        _big("expires_at"),
        sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
        _big("lease_until", null=True),
        _big("fence", server_default="0"),
        _text("adapter", null=True),
        _text("reference", null=True),
        _big("created_at"),
        _big("changed_at"),
        sa.UniqueConstraint("enrolment_id", "step", "attempt", name="action_once"),
    )
    _index("action_due", "action", "due_at", where="state IN ('queued', 'deferred', 'retrying')")
    _index("action_held", "action", "reason", where="state IN ('held', 'unknown')")
    _index("action_leased", "action", "lease_until", where="state IN ('claimed', 'handed_off')")
    _index(
        "action_next",
        "action",
        "channel",
        "class",
        "priority",
        "due_at",
        "id",
        where="state IN ('queued', 'deferred', 'retrying')",
    )
    _index("action_of_user", "action", "user_id")
    op.create_table(
        "action_event",
        _id(),
        _big("action_id"),
        _big("at"),
        _text("state"),
        _text("reason"),
        _text("detail"),
    )
    _index("action_event_at", "action_event", "at")
    _index("action_event_of_action", "action_event", "action_id")


def _running() -> None:
    op.create_table(
        "tick",
        _id(),
        _big("at"),
        _big("started_at"),
        _big("ended_at", null=True),
        _text("content_version"),
        sa.Column("users", sa.Integer, nullable=False),
        sa.Column("transitions", sa.Integer, nullable=False),
        sa.Column("enrolments", sa.Integer, nullable=False),
        sa.Column("actions", sa.Integer, nullable=False),
        _text("error", null=True),
    )
    op.create_table(
        "worker",
        _text("name", primary_key=True),
        _big("started_at"),
        _big("seen_at"),
        _text("content_version", null=True),
        _text("message", null=True),
    )
    op.create_table(
        "secret",
        _text("name", primary_key=True),
        _text("value"),
        _big("created_at"),
    )
    op.create_table(
        "import_file",
        _text("fingerprint", primary_key=True),
        _big("rows"),
        sa.Column("finished", sa.Boolean, nullable=False),
        _big("at"),
    )


def _user_state() -> None:
    # Columns for facts and dimensions follow the files; see ``state_table.follow``.
    op.create_table(
        "user_state",
        sa.Column("user_id", _ROW_ID, primary_key=True, autoincrement=False),
        _big("due_at"),
        _big("refreshed_at", null=True),
        _big("edge_at", null=True),
    )
    _index("user_state_due", "user_state", "due_at")
