"""Tasks for the brand's people, and what their owners are told of them."""

from sqlalchemy import Column, Index, Integer
from sqlmodel import Field, SQLModel

from engine.store.tables.columns import big, partial_index, row_id, text_column


class TaskRow(SQLModel, table=True):
    """Something that one of the brand's people is to do for a user. The row is the truth; notices may be late or twice."""

    __tablename__ = "task"
    __table_args__ = (
        # Few tasks are open; the list and `habitue status` are about these.
        partial_index("task_to_do", "due_at", where="state IN ('open', 'taken')"),
        Index("task_created", "created_at"),
    )

    id: int = row_id()
    key: str = text_column(unique=True)
    """The idempotency key of its action, and the action's ``reference``."""
    user_id: int = big()
    owner: str = text_column()
    title: str = text_column()
    body: str = text_column()
    state: str = text_column()
    """``open``, ``taken``, ``done`` or ``cancelled``."""
    created_at: int = big()
    due_at: int = big()
    taken_by: str | None = text_column(null=True)
    closed_at: int | None = big(null=True)
    """When it was done or cancelled."""
    closed_by: str | None = text_column(null=True)
    outcome: str | None = text_column(null=True)
    """What came of it, as noted by who closed it; may contain personal data."""
    escalated_at: int | None = big(null=True)
    """When it was found to be overdue."""


class TaskNotice(SQLModel, table=True):
    """Something that an owner is told of a task, by mail or webhook: at least once, with the same key each time."""

    __tablename__ = "task_notice"
    __table_args__ = (
        Index("task_notice_of_task", "task_id"),
        partial_index("task_notice_due", "due_at", where="due_at IS NOT NULL"),
    )

    id: int = row_id()
    task_id: int = big()
    kind: str = text_column()
    """``new``, ``reassigned`` or ``overdue``."""
    owner: str = text_column()
    """Who is told."""
    created_at: int = big()
    due_at: int | None = big(null=True)
    """When it is tried next; None once it is sent, or nobody wants it any more."""
    tries: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    sent_at: int | None = big(null=True)
    adapter: str | None = text_column(null=True)
    reference: str | None = text_column(null=True)
    """The provider's id for it."""
    problem: str | None = text_column(null=True)
    """Why the last try failed, in the adapter's word."""
