"""Causes of transitions, what actions said to whom, history of profiles, quarantine; a receipt finds its action."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
# SQLite numbers rows itself only if the key's type is exactly INTEGER.
_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(name: str, *, null: bool = False, **options: Any) -> sa.Column[Any]:  # noqa: ANN401
    return sa.Column(name, sa.Text, nullable=null, **options)


def _big(name: str, *, null: bool = False, **options: Any) -> sa.Column[Any]:  # noqa: ANN401
    return sa.Column(name, sa.BigInteger, nullable=null, **options)


def upgrade() -> None:
    """Add tables and columns, and move what providers said out of the log's events; what is there stays otherwise."""
    op.add_column("transition", _text("cause", null=True))
    op.add_column("user_state", _text("due_cause", null=True))
    _actions()
    _people()
    _cut_points()


def _actions() -> None:
    op.add_column("action", _text("template_hash", null=True))
    op.add_column("action", _text("locale", null=True))
    known = sa.text("reference IS NOT NULL")
    op.create_index("action_reference", "action", ["reference", "adapter"], sqlite_where=known, postgresql_where=known)
    op.create_table(
        "action_content",
        _big("action_id", primary_key=True, autoincrement=False),
        _text("address", null=True),
        _text("subject", null=True),
        _text("code", null=True),
        sa.Column("template_values", _JSON, nullable=True),
        _big("at"),
    )
    op.create_index("action_content_at", "action_content", ["at"])
    op.create_table("provider_text", _big("event_id", primary_key=True, autoincrement=False), _text("said"))
    # Until now details held what providers said; what they say can name a person.
    said = "detail <> '' AND reason NOT IN ('render_failed', 'template_missing', 'template_invalid')"
    op.execute(f"INSERT INTO provider_text (event_id, said) SELECT id, detail FROM action_event WHERE {said}")
    op.execute(f"UPDATE action_event SET detail = '' WHERE {said}")


def _people() -> None:
    op.create_table(
        "profile_change",
        sa.Column("id", _ROW_ID, primary_key=True, autoincrement=True),
        _big("user_id"),
        _text("what"),
        sa.Column("before", _JSON, nullable=True),
        sa.Column("after", _JSON, nullable=True),
        _text("source"),
        _text("who", null=True),
        _big("at"),
    )
    op.create_index("profile_change_of_user", "profile_change", ["user_id", "at"])
    op.create_table(
        "quarantine",
        _text("kind", primary_key=True),
        _big("row_id", primary_key=True, autoincrement=False),
        _text("stage"),
        _text("reason"),
        _text("detail"),
        _big("since"),
        _big("retry_at"),
        sa.Column("tries", sa.Integer, nullable=False, server_default="1"),
    )
    op.create_index("quarantine_retry", "quarantine", ["retry_at"])


def _cut_points() -> None:
    """Give ``cut_points`` its instant in the key; SQLite cannot alter a key, and the rows are few."""
    facts, cuts, at = _text("fact"), sa.Column("cuts", _JSON, nullable=False), _big("calibrated_at")
    rows = [
        row._asdict() for row in op.get_bind().execute(sa.select(facts, cuts, at).select_from(sa.table("cut_points")))
    ]
    op.drop_table("cut_points")
    made = op.create_table(
        "cut_points",
        _text("fact", primary_key=True),
        _big("calibrated_at", primary_key=True, autoincrement=False),
        sa.Column("cuts", _JSON, nullable=False),
    )
    op.bulk_insert(made, rows)
