"""The tasks in the store: writing new ones, and reading them.

A task is found from its action by the action's ``reference``, which is the task's ``key``.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, text

from adapters.base import TaskPayload
from engine.actions.content import clean
from engine.clock import Instant
from engine.errors import InputError
from engine.store.dialects import dialect_of
from engine.store.rowset import pack, rowset
from engine.task_settings import TaskSettings
from engine.tasks.notices import NewNotice, TaskNoticeKind, tell
from engine.tasks.owners import owner_of

ADAPTER = "task"
"""The adapter, as actions of tasks name it."""


class TaskState(StrEnum):
    """The state of a task."""

    OPEN = "open"
    TAKEN = "taken"
    DONE = "done"
    CANCELLED = "cancelled"


TO_DO_SQL = f"state IN ('{TaskState.OPEN}', '{TaskState.TAKEN}')"
"""The tasks that are still to be done, as the partial index says it."""
_SHOWN = (
    "SELECT t.id, t.key, coalesce(u.key, '#' || t.user_id), t.owner, t.title, t.body, t.state, t.created_at, t.due_at,"
    " t.taken_by, t.closed_at, t.closed_by, t.outcome, t.escalated_at,"
    f" (SELECT max(a.id) FROM action AS a WHERE a.reference = t.key AND a.adapter = '{ADAPTER}')"
    " FROM task AS t LEFT JOIN users AS u ON u.id = t.user_id"
)


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task to be written, for the user with the key ``user``. ``created_at`` is in UTC milliseconds."""

    key: str
    user: str
    payload: TaskPayload
    created_at: int


@dataclass(frozen=True, slots=True)
class Task:
    """A task, and the action that made it; None if that is a test."""

    id: int
    key: str = field(repr=False)
    user: str
    owner: str
    title: str
    body: str
    state: str
    created_at: Instant
    due_at: Instant
    taken_by: str | None
    closed_at: Instant | None
    closed_by: str | None
    outcome: str | None
    escalated_at: Instant | None
    action: int | None

    @property
    def to_do(self) -> bool:
        """Whether it is still to be done."""
        return self.closed_at is None

    def overdue(self, now: Instant) -> bool:
        """Tell whether it should have been done by ``now``."""
        return self.to_do and self.due_at <= now


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks to read; a field that is None does not filter. ``overdue_at``: those that are overdue at that instant."""

    owner: str | None = None
    overdue_at: Instant | None = None
    closed_too: bool = False


def keep(connection: Connection, tasks: Sequence[NewTask], settings: TaskSettings) -> frozenset[str]:
    """Write those of ``tasks`` whose key is new, and that their owners are to be told; return the keys that exist now."""
    people = _people(connection, {task.user for task in tasks})
    rows = [_row(one, people[one.user], settings) for one in tasks if one.user in people]
    if not rows:
        return frozenset()
    given = rowset(
        dialect_of(connection), "rows", key="TEXT", user_id="BIGINT", owner="TEXT", title="TEXT", body="TEXT",
        created_at="BIGINT", due_at="BIGINT",
    )  # fmt: skip
    write = text(
        "INSERT INTO task (key, user_id, owner, title, body, state, created_at, due_at)"
        f" SELECT r.key, r.user_id, r.owner, r.title, r.body, '{TaskState.OPEN}', r.created_at, r.due_at"
        f" FROM {given} AS r WHERE true ON CONFLICT (key) DO NOTHING RETURNING id, owner, created_at"
    )
    for made in connection.execute(write, {"rows": pack(rows)}).all():
        notice = NewNotice(made.id, TaskNoticeKind.NEW, Instant(made.created_at))
        tell(connection, notice, [made.owner], settings)
    return frozenset(str(row[0]) for row in rows)


def _people(connection: Connection, keys: Collection[str]) -> dict[str, Mapping[str, Any]]:
    """Return the users with these keys, each with its columns of ``user_state``."""
    given = rowset(dialect_of(connection), "rows", key="TEXT")
    query = text(
        f"SELECT u.key AS task_user_key, u.id AS task_user_id, s.* FROM {given} AS r JOIN users AS u ON u.key = r.key"
        " LEFT JOIN user_state AS s ON s.user_id = u.id"
    )
    found = connection.execute(query, {"rows": pack([[key] for key in sorted(keys)])}).mappings()
    return {str(row["task_user_key"]): dict(row) for row in found}


def _row(task: NewTask, user: Mapping[str, Any], settings: TaskSettings) -> list[object]:
    payload, owner = task.payload, owner_of(settings.owners, user)
    due_at = task.created_at + (payload.lasts or settings.due)
    title, body = clean(payload.title), clean(payload.body)
    return [task.key, user["task_user_id"], owner, title, body, task.created_at, due_at]


def tasks_of(connection: Connection, wanted: TaskFilter, limit: int) -> list[Task]:
    """Return up to ``limit`` tasks that are ``wanted``: those due first before others or, with closed ones, the newest."""
    conditions = [] if wanted.closed_too else [f"t.{TO_DO_SQL}"]
    binds: dict[str, object] = {"limit": limit}
    if wanted.owner is not None:
        conditions.append("t.owner = :owner")
        binds["owner"] = wanted.owner
    if wanted.overdue_at is not None:
        conditions.append(f"t.{TO_DO_SQL} AND t.due_at <= :overdue_at")
        binds["overdue_at"] = wanted.overdue_at
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    order = "t.created_at DESC, t.id DESC" if wanted.closed_too else "t.due_at, t.id"
    query = text(f"{_SHOWN}{where} ORDER BY {order} LIMIT :limit")
    return [Task(*row) for row in connection.execute(query, binds)]


def task_by_id(connection: Connection, number: int) -> Task:
    """Return the task ``number``.

    Raises:
        InputError: there is no such task.
    """
    row = connection.execute(text(f"{_SHOWN} WHERE t.id = :id"), {"id": number}).first()
    if row is None:
        raise InputError(f"there is no task {number}; `habitue task list` shows their numbers")
    return Task(*row)


def forget_tasks(connection: Connection, before: Instant) -> None:
    """Delete the tasks that were closed before ``before``, with what their owners were told."""
    closed = "SELECT t.id FROM task AS t WHERE t.created_at < :before AND t.closed_at < :before"
    connection.execute(text(f"DELETE FROM task_notice WHERE task_id IN ({closed})"), {"before": before})
    connection.execute(text(f"DELETE FROM task WHERE id IN ({closed})"), {"before": before})
