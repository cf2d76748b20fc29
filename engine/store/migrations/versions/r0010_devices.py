"""A user has several devices, each with its token; an action goes to one of them."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# Nothing says when tokens were last seen. So they count as seen when the store last learnt anything of anybody: none stops
# being used at once. Of several users with one token, it is whose profile changed last. Longer ones fit into no index.
_CARRY_OVER = """
INSERT INTO device (user_id, platform, token, locale, last_seen_at, created_at)
SELECT u.id, 'unknown', u.push_token, NULL, newest.at, newest.at
FROM (
    SELECT id, push_token, row_number() OVER (PARTITION BY push_token ORDER BY updated_at DESC, id DESC) AS place
    FROM users WHERE push_token <> '' AND {octets} <= 2000
) AS u CROSS JOIN (SELECT max(updated_at) AS at FROM users) AS newest
WHERE u.place = 1 ORDER BY u.id
"""
_OCTETS = {"postgresql": "octet_length(push_token)"}


def upgrade() -> None:
    """Add the table, move the tokens over from users, and add the device of an action: that of old ones is not known."""
    op.create_table(
        "device",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("platform", sa.Text, nullable=False),
        sa.Column("token", sa.Text, nullable=False, unique=True),
        sa.Column("locale", sa.Text, nullable=True),
        sa.Column("last_seen_at", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    octets = _OCTETS.get(op.get_bind().dialect.name, "length(CAST(push_token AS BLOB))")
    op.execute(_CARRY_OVER.format(octets=octets))
    op.create_index("device_of_user", "device", ["user_id", "last_seen_at"])
    op.drop_column("users", "push_token")
    op.add_column("action", sa.Column("device_id", sa.BigInteger, nullable=True))
