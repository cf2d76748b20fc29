"""What people do with tasks: each change is written with what its owners are told and what the action's history says."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from adapters.reasons import AnswerReason
from engine.actions.content import clean
from engine.actions.remarks import Remark, remark
from engine.clock import Instant
from engine.errors import InputError
from engine.store.dialects import dialect_of
from engine.task_settings import TaskSettings
from engine.tasks.notices import NewNotice, TaskNoticeKind, drop_notices, tell
from engine.tasks.reasons import CANCELLED, DONE, OVERDUE, REASSIGNED, TAKEN
from engine.tasks.rows import ADAPTER, TO_DO_SQL, Task, TaskState, task_by_id

_LONGEST = 2_000
"""How many characters of an outcome are kept."""


@dataclass(frozen=True, slots=True)
class TaskHand:
    """Who changes a task, when (UTC milliseconds), and the record of it in ``intervention``."""

    who: str
    now: Instant
    intervention: int | None = None


def take(connection: Connection, number: int, by: TaskHand) -> Task:
    """Note that ``by.who`` takes on the task ``number``; return it.

    Raises:
        InputError: there is no such task, it is closed, or somebody else has taken it.
    """
    task = _to_do(connection, number)
    if task.taken_by not in {None, by.who}:
        raise InputError(
            f"{task.taken_by} has taken task {number}: `habitue task reassign {number} OWNER` takes it from them"
        )
    if task.taken_by == by.who:
        return task
    query = text("UPDATE task SET state = :state, taken_by = :who WHERE id = :id")
    connection.execute(query, {"state": TaskState.TAKEN.value, "who": by.who, "id": number})
    return _changed(connection, task, TAKEN, by)


def close(connection: Connection, number: int, state: TaskState, by: TaskHand, outcome: str) -> Task:
    """Note that the task ``number`` is done or cancelled (``state``), and what came of it; return it.

    Raises:
        InputError: there is no such task, or it is closed already.
    """
    task = _to_do(connection, number)
    said = clean(outcome.strip())[:_LONGEST]
    query = text(
        "UPDATE task SET state = :state, closed_at = :now, closed_by = :who, outcome = :outcome WHERE id = :id"
    )
    binds = {"state": state.value, "now": by.now, "who": by.who, "outcome": said or None, "id": number}
    connection.execute(query, binds)
    drop_notices(connection, number)
    return _changed(connection, task, DONE if state is TaskState.DONE else CANCELLED, by, said)


def reassign(connection: Connection, number: int, owner: str, by: TaskHand, settings: TaskSettings) -> Task:
    """Give the task ``number`` to ``owner``, whoever has taken it; return it.

    Raises:
        InputError: there is no such task, or it is closed.
    """
    task = _to_do(connection, number)
    query = text(f"UPDATE task SET owner = :owner, state = '{TaskState.OPEN}', taken_by = NULL WHERE id = :id")
    connection.execute(query, {"owner": owner, "id": number})
    drop_notices(connection, number)
    tell(connection, NewNotice(number, TaskNoticeKind.REASSIGNED, by.now), [owner], settings)
    return _changed(connection, task, REASSIGNED, by, f"{task.owner} -> {owner}")


def any_to_escalate(connection: Connection, now: Instant) -> bool:
    """Tell whether a task has become overdue that nobody was told of."""
    query = text(f"SELECT 1 FROM task WHERE {TO_DO_SQL} AND due_at <= :now AND escalated_at IS NULL LIMIT 1")
    return connection.execute(query, {"now": now}).first() is not None


def escalate(connection: Connection, settings: TaskSettings, now: Instant, limit: int) -> int:
    """Have the owners of tasks that have become overdue told, and ``settings.escalate_to``; return how many there are.

    Each task is escalated once; ``limit`` are taken at a time.
    """
    free = dialect_of(connection).among_free(
        f"SELECT t.id FROM task AS t WHERE t.{TO_DO_SQL} AND t.due_at <= :now AND t.escalated_at IS NULL"
        " ORDER BY t.due_at, t.id LIMIT :limit"
    )
    query = text(f"UPDATE task SET escalated_at = :now WHERE id {free} RETURNING id, key, owner")
    found = connection.execute(query, {"now": now, "limit": limit}).all()
    beyond = [settings.escalate_to] if settings.escalate_to is not None else []
    for row in found:
        tell(connection, NewNotice(row.id, TaskNoticeKind.OVERDUE, now), [row.owner, *beyond], settings)
    remark(connection, [Remark(ADAPTER, row.key, OVERDUE.value) for row in found], now)
    return len(found)


def _to_do(connection: Connection, number: int) -> Task:
    """Lock the task and return it.

    Raises:
        InputError: there is no such task, or it is closed.
    """
    locking = f"SELECT t.id FROM task AS t WHERE t.id = :id{dialect_of(connection).lock('t')}"
    connection.execute(text(locking), {"id": number}).first()
    task = task_by_id(connection, number)
    if not task.to_do:
        raise InputError(f"task {number} is {task.state} already, by {task.closed_by}")
    return task


def _changed(connection: Connection, task: Task, reason: AnswerReason, by: TaskHand, said: str = "") -> Task:
    remark(connection, [Remark(ADAPTER, task.key, reason.value, said, by.intervention)], by.now)
    return task_by_id(connection, task.id)
