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
    """Add the tables, and to events, enrolments and suppressions what a person did that caused them: nothing so far."""
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
    _add_suppressions()
    _add_returning_codes()


def _add_suppressions() -> None:
    op.add_column("suppression", sa.Column("source", sa.Text, nullable=True))
    op.add_column("suppression", sa.Column("intervention_id", sa.BigInteger, nullable=True))
    op.create_index(
        "suppression_by_hand", "suppression", ["intervention_id"], sqlite_where=_BY_HAND, postgresql_where=_BY_HAND
    )
    op.create_index("suppression_at", "suppression", ["at"])
    op.create_table(
        "lifted_suppression",
        sa.Column("intervention_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("address", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("source", sa.Text, nullable=True),
        sa.Column("lifted_at", sa.BigInteger, nullable=False),
    )


def _add_returning_codes() -> None:
    """Let ticks look at the codes of all messages that have ended unsent so far."""
    op.add_column("coupon_code", sa.Column("own_expires_at", sa.BigInteger, nullable=True))
    op.create_table(
        "returning_code",
        sa.Column("id", _ROW_ID, primary_key=True, autoincrement=True),
        sa.Column("enrolment_id", sa.BigInteger, nullable=False),
        sa.Column("coupon", sa.Text, nullable=False),
    )
    op.execute(
        "INSERT INTO returning_code (enrolment_id, coupon) SELECT DISTINCT k.enrolment_id, k.coupon"
        " FROM coupon_code AS k JOIN action AS a ON a.enrolment_id = k.enrolment_id AND a.coupon = k.coupon"
        " WHERE a.state IN ('suppressed', 'failed', 'cancelled', 'expired')"
    )
