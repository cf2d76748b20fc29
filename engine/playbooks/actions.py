"""Changing actions in numbers: the new state and its row in the log, in one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

from engine.actions.worded import Worded
from engine.clock import Instant
from engine.store.statement import statement

UNSENT = "('queued', 'deferred', 'retrying', 'held')"
"""States in which an action is not on its way; one that is claimed or handed off is left to delivery."""
MAY_LEAVE = "('queued', 'deferred', 'retrying', 'held', 'claimed', 'handed_off')"
"""States from which a message can still leave: delivery may give back what it has, and asks about the enrolment then."""


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of actions."""

    state: str
    reason: Worded
    due_now: bool = False
    """Delivery may look at them at once."""


def change_actions(
    connection: Connection, where: str, change: Change, now: Instant, binds: Mapping[str, object] | None = None
) -> list[int]:
    """Change the actions that fulfil ``where``, each with a line in the log; return their ids."""
    due = ", due_at = :now" if change.due_now else ""
    changed = connection.execute(
        statement(
            f"UPDATE action SET state = :state, reason = :reason, changed_at = :now{due} WHERE {where} RETURNING id"
        ),
        {"state": change.state, "reason": change.reason.value, "now": now, **(binds or {})},
    )
    ids = [action for (action,) in changed]
    if ids:
        connection.execute(
            text(
                "INSERT INTO action_event (action_id, at, state, reason, detail)"
                " VALUES (:action_id, :at, :state, :reason, '')"
            ),
            [{"action_id": action, "at": now, "state": change.state, "reason": change.reason.value} for action in ids],
        )
    return ids


def cancel_unsent(
    connection: Connection, enrolments: str, reason: Worded, now: Instant, binds: Mapping[str, object] | None = None
) -> int:
    """Cancel the unsent actions of the enrolments that the subquery ``enrolments`` selects; return how many."""
    where = f"enrolment_id IN ({enrolments}) AND state IN {UNSENT}"
    return len(change_actions(connection, where, Change("cancelled", reason), now, binds))
