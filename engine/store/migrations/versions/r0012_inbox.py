"""Messages kept for the brand's own app, and the view that the app reads."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_VIEW = (
    "CREATE VIEW inbox AS SELECT m.id, u.key AS user_key, m.title, m.body, m.link, m.image, m.data, m.created_at,"
    " m.expires_at, m.read_at FROM inbox_message AS m JOIN users AS u ON u.id = m.user_id WHERE m.dismissed_at IS NULL"
)


def upgrade() -> None:
    """Add the table and the view."""
    op.create_table(
        "inbox_message",
        sa.Column("id", _ROW_ID, primary_key=True, autoincrement=True),
        sa.Column("key", sa.Text, nullable=False, unique=True),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("link", sa.Text, nullable=True),
        sa.Column("image", sa.Text, nullable=True),
        sa.Column("data", _JSON, nullable=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("read_at", sa.BigInteger, nullable=True),
        sa.Column("dismissed_at", sa.BigInteger, nullable=True),
    )
    op.create_index("inbox_message_of_user", "inbox_message", ["user_id", "created_at"])
    op.create_index("inbox_message_expires", "inbox_message", ["expires_at"])
    op.create_index("inbox_message_created", "inbox_message", ["created_at"])
    op.execute(_VIEW)
