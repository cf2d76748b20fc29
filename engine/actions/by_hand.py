"""What a person does to single actions: which they are, and changing them, each with its event.

A change is done in chunks of ids. Every chunk locks its actions and changes those that are still as they were found, so
it can run beside workers, and be repeated.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from engine.actions.described_enum import DescribedEnum
from engine.actions.returns import note_ended
from engine.actions.states import ENDED_UNSENT, HELD_OR_UNKNOWN_SQL, State
from engine.clock import Instant
from engine.store.dialects import dialect_of
from engine.store.rowset import pack, rowset
from engine.store.statement import statement


@dataclass(frozen=True, slots=True)
class ActionFilter:
    """Which actions; a field that is None does not filter.

    ``since`` (inclusive) and ``until`` (exclusive) are about when they came into their state, in UTC milliseconds.
    """

    playbook: str | None = None
    channel: str | None = None
    template: str | None = None
    reason: str | None = None
    since: int | None = None
    until: int | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) is not None for field in fields(self))


class FoundAction(NamedTuple):
    """An action as it was found, with the state and reason of its enrolment; None if it has none."""

    id: int
    state: str
    reason: str
    kind: str
    expires_at: int
    enrolment_state: str | None
    enrolment_reason: str | None


@dataclass(frozen=True, slots=True)
class HandChange:
    """A change from one state to another. What comes to be queued is due at once.

    ``expires_at``: if given, actions that have expired expire then instead. ``lacking``: if given, an action whose
    coupon has no code is held for this reason instead.
    """

    before: State
    state: State
    reason: DescribedEnum
    expires_at: Instant | None = None
    lacking: DescribedEnum | None = None


_FOUND = (
    "SELECT a.id, a.state, a.reason, a.kind, a.expires_at, n.state AS enrolment_state, n.reason AS enrolment_reason"
    " FROM action AS a LEFT JOIN enrolment AS n ON n.id = a.enrolment_id"
)
_CONDITIONS = {
    "playbook": "a.playbook = :playbook",
    "channel": "a.channel = :channel",
    "template": "a.template = :template",
    "reason": "a.reason = :reason",
    "since": "a.changed_at >= :since",
    "until": "a.changed_at < :until",
}


def actions_by_id(connection: Connection, ids: Sequence[int]) -> list[FoundAction]:
    """Return those of the actions ``ids`` that exist, by id."""
    named = rowset(dialect_of(connection), "rows", id="BIGINT")
    query = text(f"{_FOUND} WHERE a.id IN (SELECT r.id FROM {named} AS r) ORDER BY a.id")
    return [FoundAction._make(row) for row in connection.execute(query, {"rows": pack([[one] for one in ids])})]


def actions_in(connection: Connection, state: State, wanted: ActionFilter, after: int, limit: int) -> list[FoundAction]:
    """Return up to ``limit`` actions in ``state`` that are ``wanted``, from the id ``after`` on (exclusive), by id."""
    given = {name: value for name in _CONDITIONS if (value := getattr(wanted, name)) is not None}
    where = "".join(f" AND {_CONDITIONS[name]}" for name in given)
    # Planners compare the condition of the partial index over held and unknown actions as a text.
    indexed = f" AND a.{HELD_OR_UNKNOWN_SQL}" if state in {State.HELD, State.UNKNOWN} else ""
    query = text(f"{_FOUND} WHERE a.state = :state{indexed}{where} AND a.id > :after ORDER BY a.id LIMIT :limit")
    binds: dict[str, Any] = {**given, "state": state.value, "after": after, "limit": limit}
    return [FoundAction._make(row) for row in connection.execute(query, binds)]


def change(
    connection: Connection, ids: Sequence[int], wish: HandChange, intervention: int, now: Instant
) -> dict[str, int]:
    """Change those of the actions ``ids`` that are in the state ``wish.before``; return new state -> how many."""
    dialect = dialect_of(connection)
    these = rowset(dialect, "rows", id="BIGINT")
    where = f"action.id IN (SELECT r.id FROM {these} AS r) AND action.state = :before"
    state, reason = _aims(wish)
    binds: dict[str, Any] = {
        "rows": pack([[one] for one in ids]),
        "before": wish.before.value,
        "now": now,
        "expires_at": wish.expires_at,
    }
    due = ", due_at = :now" if wish.state is State.QUEUED else ""
    later = ", expires_at = CASE WHEN expires_at <= :now THEN :expires_at ELSE expires_at END"
    changed = connection.execute(
        statement(
            f"UPDATE action SET state = {state}, reason = {reason}, changed_at = :now{due}"
            f"{later if wish.expires_at is not None else ''}"
            f" WHERE {dialect.where_locked('action', 'action', 'id', where)} RETURNING id, state, reason"
        ),
        binds,
    ).all()
    log_changes(connection, [(row.id, row.state, row.reason) for row in changed], intervention, now)
    return _counted([row.state for row in changed])


def log_changes(
    connection: Connection, events: Sequence[tuple[int, str, str]], intervention: int | None, now: Instant
) -> None:
    """Log that actions came into a state for a reason; ``events`` have all three. ``intervention`` is None if no person did it."""
    if not events:
        return
    logged = rowset(dialect_of(connection), "rows", id="BIGINT", state="TEXT", reason="TEXT")
    log = (
        "INSERT INTO action_event (action_id, at, state, reason, detail, intervention_id)"
        f" SELECT r.id, :now, r.state, r.reason, '', :intervention FROM {logged} AS r"
    )
    binds = {"rows": pack([list(event) for event in events]), "now": now, "intervention": intervention}
    connection.execute(text(log), binds)
    note_ended(connection, [action for action, state, _ in events if state in set(ENDED_UNSENT)])


def _aims(wish: HandChange) -> tuple[str, str]:
    """Return the new state and its reason, as SQL."""
    if wish.lacking is None:
        return f"'{wish.state}'", f"'{wish.reason}'"
    has = (
        "coupon IS NULL OR EXISTS (SELECT 1 FROM coupon_code AS k"
        " WHERE k.enrolment_id = action.enrolment_id AND k.coupon = action.coupon)"
    )
    return (
        f"CASE WHEN {has} THEN '{wish.state}' ELSE '{State.HELD}' END",
        f"CASE WHEN {has} THEN '{wish.reason}' ELSE '{wish.lacking}' END",
    )


def _counted(states: Sequence[str]) -> dict[str, int]:
    return {state: states.count(state) for state in dict.fromkeys(states)}
