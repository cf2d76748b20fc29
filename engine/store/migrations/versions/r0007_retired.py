"""A pause knows where it comes from: a person, a playbook's file, or the retirement of a playbook."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rebuild the table with another primary key; whatever is paused so far, people have paused."""
    bind = op.get_bind()
    paused = bind.execute(sa.text("SELECT scope, name, since, intervention_id FROM pause")).mappings().all()
    op.drop_table("pause")
    made = op.create_table(
        "pause",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("origin", sa.Text, primary_key=True),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("intervention_id", sa.BigInteger, nullable=True),
        sa.Column("cancel_at", sa.BigInteger, nullable=True),
        sa.Column("held_at", sa.BigInteger, nullable=True),
    )
    if paused:
        bind.execute(sa.insert(made), [{**row, "origin": "person"} for row in paused])
