"""Replies to text messages: those that have come, and users by their number."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table and the index."""
    op.create_table(
        "reply",
        sa.Column("adapter", sa.Text, primary_key=True),
        sa.Column("reference", sa.Text, primary_key=True),
        sa.Column("meaning", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    has_number = sa.text("phone IS NOT NULL")
    op.create_index("users_phone", "users", ["phone"], sqlite_where=has_number, postgresql_where=has_number)
