"""What owners are to be told of their tasks: a queue of its own, from which a worker sends.

A notice is claimed by putting off its next try. So if the worker dies, it is sent again, with the same key, by which mail
systems and receivers recognise the copy.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b

from sqlalchemy import Connection, text

from engine.clock import MINUTE, Instant
from engine.store.dialects import dialect_of
from engine.task_settings import TaskSettings

LEASE = 5 * MINUTE
"""How long a worker has for sending what it has claimed, in milliseconds."""


class TaskNoticeKind(StrEnum):
    """What an owner is told."""

    NEW = "new"
    REASSIGNED = "reassigned"
    OVERDUE = "overdue"


@dataclass(frozen=True, slots=True)
class DueNotice:
    """A notice that this worker has claimed, with its task. Instants are UTC milliseconds."""

    id: int
    kind: TaskNoticeKind
    owner: str
    created_at: int
    tries: int
    """This one included."""
    task: int
    task_key: str
    user: str
    task_owner: str
    title: str
    body: str
    due_at: int

    @property
    def key(self) -> str:
        """The same on every try: 32 hexadecimal digits."""
        said = f"{self.task_key}|{self.kind}|{self.owner}|{self.created_at}"
        return blake2b(said.encode(), digest_size=16, person=b"task-notice").hexdigest()


@dataclass(frozen=True, slots=True)
class NewNotice:
    """Something to be said of ``task`` from ``at`` on, in UTC milliseconds."""

    task: int
    kind: TaskNoticeKind
    at: Instant


def tell(connection: Connection, notice: NewNotice, owners: Iterable[str], settings: TaskSettings) -> None:
    """Queue ``notice`` for those of ``owners`` who have an address."""
    rows = [
        {"task": notice.task, "kind": notice.kind.value, "owner": owner, "now": notice.at}
        for owner in dict.fromkeys(owners)
        if owner in settings.people
    ]
    if rows:
        write = "INSERT INTO task_notice (task_id, kind, owner, created_at, due_at) VALUES (:task, :kind, :owner, :now, :now)"
        connection.execute(text(write), rows)


def drop_notices(connection: Connection, task: int) -> None:
    """Tell nobody any more what has not been said of ``task``: it is closed, or another's."""
    query = text("UPDATE task_notice SET due_at = NULL WHERE task_id = :task AND due_at IS NOT NULL")
    connection.execute(query, {"task": task})


def any_due(connection: Connection, now: Instant) -> bool:
    """Tell whether a notice is due."""
    query = text("SELECT 1 FROM task_notice WHERE due_at IS NOT NULL AND due_at <= :now LIMIT 1")
    return connection.execute(query, {"now": now}).first() is not None


def claim(connection: Connection, now: Instant, limit: int) -> list[DueNotice]:
    """Claim up to ``limit`` notices that are due, the oldest first."""
    free = dialect_of(connection).among_free(
        "SELECT n.id FROM task_notice AS n WHERE n.due_at IS NOT NULL AND n.due_at <= :now ORDER BY n.due_at, n.id LIMIT :limit"
    )
    taking = text(f"UPDATE task_notice SET due_at = :until, tries = tries + 1 WHERE id {free} RETURNING id")
    ids = connection.execute(taking, {"now": now, "until": now + LEASE, "limit": limit}).scalars().all()
    reading = text(
        "SELECT n.id, n.kind, n.owner, n.created_at, n.tries, t.id, t.key, coalesce(u.key, '#' || t.user_id), t.owner,"
        " t.title, t.body, t.due_at FROM task_notice AS n JOIN task AS t ON t.id = n.task_id"
        " LEFT JOIN users AS u ON u.id = t.user_id WHERE n.id = :id"
    )
    rows = [connection.execute(reading, {"id": one}).one() for one in sorted(ids)]
    return [DueNotice(row[0], TaskNoticeKind(row[1]), *row[2:]) for row in rows]


@dataclass(frozen=True, slots=True)
class NoticeResult:
    """What came of a try: ``problem`` is empty if it was sent; otherwise it is tried again at ``again_at``."""

    id: int
    adapter: str | None = None
    reference: str | None = None
    problem: str = ""
    again_at: Instant | None = None


def record(connection: Connection, results: Sequence[NoticeResult], now: Instant) -> None:
    """Write what came of claimed notices. One that nobody wants any more stays so."""
    for one in results:
        sent = not one.problem
        connection.execute(
            text(
                "UPDATE task_notice SET sent_at = :sent_at, problem = :problem, adapter = :adapter,"
                " reference = :reference, due_at = CASE WHEN due_at IS NULL THEN NULL ELSE CAST(:again_at AS BIGINT) END"
                " WHERE id = :id"
            ),
            {
                "id": one.id,
                "sent_at": now if sent else None,
                "problem": one.problem or None,
                "adapter": one.adapter,
                "reference": one.reference,
                "again_at": None if sent else one.again_at,
            },
        )
