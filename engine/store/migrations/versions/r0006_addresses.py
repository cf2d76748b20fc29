"""Refusals count for the address, and one address gets one message of one step."""

import re
from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op
from email_validator import EmailNotValidError, validate_email

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_CHUNK = 5_000
_PLAIN = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@[A-Za-z0-9.-]+").fullmatch
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}").fullmatch
_REFUSED = sa.text(
    "SELECT c.user_id, c.channel, c.class, c.at, u.email, u.phone, u.push_token FROM consent AS c"
    " JOIN users AS u ON u.id = c.user_id WHERE NOT c.granted ORDER BY c.user_id, c.channel, c.class"
)
_ADD = sa.text(
    "INSERT INTO address_refusal (channel, class, address, user_id, at)"
    " VALUES (:channel, :class, :address, :user_id, :at)"
)


def upgrade() -> None:
    """Add the tables, and the refusals that the store has for the addresses that these users have now."""
    op.create_table(
        "address_refusal",
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("class", sa.Text, primary_key=True),
        sa.Column("address", sa.Text, primary_key=True),
        sa.Column("user_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_index("address_refusal_of_user", "address_refusal", ["user_id"])
    op.create_table(
        "reached_address",
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("action_id", sa.BigInteger, nullable=False),
    )
    op.create_index("reached_address_by", "reached_address", ["action_id"])
    for chunk in _refusals(op.get_bind()):
        op.get_bind().execute(_ADD, chunk)


def _refusals(bind: sa.Connection) -> Iterator[list[dict[str, object]]]:
    for part in bind.execute(_REFUSED).partitions(_CHUNK):
        rows: list[dict[str, object]] = []
        for user, channel, message_class, at, email, phone, push_token in part:
            address = _compared(channel, email, phone, push_token)
            if address is not None:
                rows.append({"channel": channel, "class": message_class, "address": address, "user_id": user, "at": at})
        if rows:
            yield rows


def _compared(channel: str, email: str | None, phone: str | None, push_token: str | None) -> str | None:
    """Return the user's address on the channel as the channels of this revision compare it; None if there is none."""
    if channel == "email" and email:
        return _email(email)
    if channel == "sms" and phone:
        digits = re.sub(r"[ ().-]", "", phone)
        return digits if _PHONE(digits) else None
    return push_token or None if channel == "push" else None


def _email(address: str) -> str | None:
    if _PLAIN(address):
        return address.lower()
    try:
        checked = validate_email(address, check_deliverability=False)
    except EmailNotValidError:
        return None
    return f"{checked.local_part}@{checked.ascii_domain}".lower()
