"""What ``habitue status`` asks for has an index, and what only a worker knows reaches it."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_INDEXES = (
    ("action_failed", "action", ["changed_at", "channel", "reason"], "state = 'failed'"),
    (
        "action_stopped",
        "action",
        ["channel", "reason"],
        "state = 'queued' AND reason IN ('adapter_down', 'code_at_fault')",
    ),
    ("coupon_claimed", "coupon_code", ["coupon", "claimed_at"], "claimed_at IS NOT NULL"),
    ("enrolment_active", "enrolment", ["playbook"], "state = 'active'"),
)


def upgrade() -> None:
    """Add the columns, and partial indexes: most rows are in none of them. Workers report anew when they start."""
    op.drop_column("worker", "message")
    op.add_column("worker", sa.Column("notices", sa.Text, nullable=False, server_default="[]"))
    op.add_column("sweep_range", sa.Column("reached_at", sa.BigInteger, nullable=True))
    for name, table, columns, where in _INDEXES:
        only = sa.text(where)
        op.create_index(name, table, columns, sqlite_where=only, postgresql_where=only)
