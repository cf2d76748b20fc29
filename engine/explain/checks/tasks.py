"""Tasks for people that are overdue, and owners who cannot be told of theirs."""

from collections.abc import Iterator

from sqlalchemy import text

from engine.clock import Instant, iso
from engine.explain.checks.base import CheckFinding, Installation, several

_TRIES = 3
"""How many failures in a row of one notice need a person."""
_OVERDUE = text(
    "SELECT t.owner, count(*), min(t.due_at) FROM task AS t WHERE t.state IN ('open', 'taken') AND t.due_at <= :now"
    " GROUP BY t.owner ORDER BY t.owner"
)
_UNTOLD = text(
    "SELECT n.owner, n.problem, count(*) FROM task_notice AS n WHERE n.due_at IS NOT NULL AND n.problem IS NOT NULL"
    " AND n.tries >= :tries GROUP BY n.owner, n.problem ORDER BY n.owner, n.problem"
)


def tasks_overdue(seen: Installation) -> Iterator[CheckFinding]:
    """Tasks that somebody should have done by now."""
    for owner, count, oldest in seen.connection.execute(_OVERDUE, {"now": seen.now}):
        yield CheckFinding(
            f"tasks of {owner}",
            f"{several(count, 'task')} overdue, the oldest since {iso(Instant(oldest))}",
            f"`habitue task list --owner {owner} --overdue` lists them; then `habitue task take`, `done` or `reassign`",
        )


def owners_untold(seen: Installation) -> Iterator[CheckFinding]:
    """Owners whom no mail or webhook reaches."""
    for owner, problem, count in seen.connection.execute(_UNTOLD, {"tries": _TRIES}):
        yield CheckFinding(
            f"tasks of {owner}",
            f"{owner} cannot be told of {several(count, 'task')}: {problem}",
            "check `tasks.people` and the adapter in config.toml; until then `habitue task list` shows the tasks",
        )
