"""Messages kept for the brand's own app."""

from typing import Any

from sqlalchemy import Index
from sqlmodel import SQLModel

from engine.store.tables.columns import big, json_column, row_id, text_column


class InboxRow(SQLModel, table=True):
    """A message that the brand's own app shows to its user. The view ``inbox`` has those that are not dismissed."""

    __tablename__ = "inbox_message"
    __table_args__ = (
        Index("inbox_message_of_user", "user_id", "created_at"),
        Index("inbox_message_expires", "expires_at"),
        Index("inbox_message_created", "created_at"),
    )

    id: int = row_id()
    key: str = text_column(unique=True)
    """The idempotency key of its action, and the action's ``reference``."""
    user_id: int = big()
    title: str = text_column()
    body: str = text_column()
    link: str | None = text_column(null=True)
    image: str | None = text_column(null=True)
    data: dict[str, Any] | None = json_column()
    """For the app; not shown."""
    created_at: int = big()
    expires_at: int = big()
    """When the app shows it no longer."""
    read_at: int | None = big(null=True)
    dismissed_at: int | None = big(null=True)
