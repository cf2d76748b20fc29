"""What people do by hand is recorded, and what they have paused."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_BY_HAND = sa.text("intervention_id IS NOT NULL")


def upgrade() -> None:
    """Add the tables, and to events of actions and to enrolments what a person did that caused them: nothing so far."""
    op.create_table(
        "intervention",
        sa.Column("id", _ROW_ID, primary_key=True, autoincrement=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("who", sa.Text, nullable=True),
        sa.Column("command", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=True),
        sa.Column("changed", sa.Integer, nullable=False, server_default="0"),
        sa.Column("undoes", sa.BigInteger, nullable=True),
    )
    op.create_index("intervention_at", "intervention", ["at"])
    undoes = sa.text("undoes IS NOT NULL")
    op.create_index(
        "intervention_undone", "intervention", ["undoes"], unique=True, sqlite_where=undoes, postgresql_where=undoes
    )
    op.create_table(
        "pause",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("intervention_id", sa.BigInteger, nullable=False),
    )
    for table, columns in {"action_event": ["intervention_id", "action_id"], "enrolment": ["intervention_id"]}.items():
        op.add_column(table, sa.Column("intervention_id", sa.BigInteger, nullable=True))
        op.create_index(f"{table}_by_hand", table, columns, sqlite_where=_BY_HAND, postgresql_where=_BY_HAND)
