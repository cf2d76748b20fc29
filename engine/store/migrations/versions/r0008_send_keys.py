"""An action remembers the key by which its provider recognises a second copy."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; actions that were handed off before have no key, and are unknown as ever if no answer comes."""
    op.add_column("action", sa.Column("send_key", sa.Text, nullable=True))
    op.add_column("action", sa.Column("send_key_until", sa.BigInteger, nullable=True))
    op.add_column("action", sa.Column("in_doubt_since", sa.BigInteger, nullable=True))
