"""How many tasks there were, how many were late, and by how much, by owner."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from engine.clock import Instant
from engine.tasks.rows import TO_DO_SQL, TaskState

_REPORT = text(
    "SELECT t.owner, count(*) AS tasks,"
    f" sum(CASE WHEN t.state = '{TaskState.DONE}' THEN 1 ELSE 0 END) AS done,"
    f" sum(CASE WHEN t.state = '{TaskState.DONE}' AND t.closed_at > t.due_at THEN 1 ELSE 0 END) AS late,"
    f" sum(CASE WHEN t.state = '{TaskState.CANCELLED}' THEN 1 ELSE 0 END) AS cancelled,"
    f" sum(CASE WHEN t.{TO_DO_SQL} THEN 1 ELSE 0 END) AS to_do,"
    f" sum(CASE WHEN t.{TO_DO_SQL} AND t.due_at <= :now THEN 1 ELSE 0 END) AS overdue,"
    f" avg(CASE WHEN t.state = '{TaskState.DONE}' THEN t.closed_at - t.created_at END) AS takes,"
    f" avg(CASE WHEN t.state = '{TaskState.DONE}' AND t.closed_at > t.due_at THEN t.closed_at - t.due_at END) AS late_by"
    " FROM task AS t WHERE t.created_at >= :since AND t.created_at < :until GROUP BY t.owner ORDER BY t.owner"
)


@dataclass(frozen=True, slots=True)
class OwnerReport:
    """The tasks of one owner that were made in a span. Durations are in milliseconds; None if there is nothing to say."""

    owner: str
    tasks: int
    done: int
    late: int
    """Done after they were due."""
    cancelled: int
    to_do: int
    overdue: int
    """Still to be done, and due by now."""
    takes: int | None
    """From being made to being done, on average."""
    late_by: int | None
    """From being due to being done, on average over those that were late."""


def report(connection: Connection, since: Instant, until: Instant, now: Instant) -> list[OwnerReport]:
    """Return a report on the tasks made from ``since`` up to but excluding ``until``, by owner."""
    rows = connection.execute(_REPORT, {"since": since, "until": until, "now": now})
    return [
        OwnerReport(row[0], *(int(number) for number in row[1:7]), *(_rounded(number) for number in row[7:]))
        for row in rows
    ]


def _rounded(number: object) -> int | None:
    return None if number is None else round(float(str(number)))
