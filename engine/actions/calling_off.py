"""Cancelling or holding what waits, because a person says so or its playbook is retired, and undoing that.

Both work on chunks of ids. Each chunk locks its actions and changes those that are still as they were found, so it can
run beside workers, be interrupted, and be repeated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from engine.actions.by_hand import log_changes
from engine.actions.described_enum import DescribedEnum
from engine.actions.reasons import HandReason, LedgerReason
from engine.actions.states import HELD_SQL, LEASED_SQL, UNSENT_SQL, WAITING_SQL, State
from engine.clock import Instant
from engine.store.dialects import Dialect, dialect_of
from engine.store.paused import Subject, SubjectScope
from engine.store.rowset import pack, rowset
from engine.store.statement import statement

# Each is a partial index's condition, and what of it can be cancelled: planners compare texts.
_CANCELLABLE = (
    WAITING_SQL,
    HELD_SQL,
    f"{LEASED_SQL} AND state = '{State.CLAIMED}'",
)
_OPEN_SQL = f"({UNSENT_SQL} OR state = '{State.CLAIMED}')"
_MESSAGES = "kind = 'message'"
"""A coupon that is granted without a message is a step of its enrolment, which only cancelling its playbook ends."""
_SUBJECTS: Mapping[SubjectScope, str] = {
    SubjectScope.PLAYBOOK: "playbook = :name",
    SubjectScope.CHANNEL: f"channel = :name AND {_MESSAGES}",
    SubjectScope.CLASS: f"class = :name AND {_MESSAGES}",
    SubjectScope.EVERYTHING: _MESSAGES,
}
"""What can be cancelled as a whole."""


@dataclass(frozen=True, slots=True)
class CallOff:
    """What becomes of actions that are called off."""

    state: State
    """``cancelled``, or ``held``."""
    reason: DescribedEnum
    intervention: int | None = None
    """What the person did; None if no person did it."""


def cancellable(connection: Connection, subject: Subject) -> list[int]:
    """Return the actions of ``subject`` that have not been handed off, by id: one pass over what waits."""
    return _not_handed_off(connection, subject, "TRUE")


def holdable(connection: Connection, subject: Subject, reason: DescribedEnum) -> list[int]:
    """Return those of them that are neither held for ``reason`` nor released by a person, by id."""
    free = f"NOT (state = '{State.HELD}' AND reason = '{reason}') AND reason <> '{HandReason.RELEASED}'"
    return _not_handed_off(connection, subject, free)


def held_for(connection: Connection, playbook: str, reason: DescribedEnum) -> list[int]:
    """Return the actions of ``playbook`` that are held for ``reason``, by id."""
    query = f"SELECT id FROM action WHERE {HELD_SQL} AND reason = :reason AND playbook = :name ORDER BY id"
    return list(connection.execute(text(query), {"reason": reason.value, "name": playbook}).scalars())


def playbooks_holding(connection: Connection, reason: DescribedEnum) -> list[str]:
    """Return the playbooks of which any action is held for ``reason``, by name."""
    query = f"SELECT DISTINCT playbook FROM action WHERE {HELD_SQL} AND reason = :reason ORDER BY playbook"
    return list(connection.execute(text(query), {"reason": reason.value}).scalars())


def any_open(connection: Connection, playbook: str) -> bool:
    """Tell whether any action of ``playbook`` waits, is held, or is with a worker."""
    return any(_is_any(connection, playbook, one) for one in (WAITING_SQL, HELD_SQL, LEASED_SQL))


def with_workers(connection: Connection, playbook: str) -> bool:
    """Tell whether any worker, alive or not, has an action of ``playbook``, which may come back to the queue."""
    return _is_any(connection, playbook, LEASED_SQL)


def _is_any(connection: Connection, playbook: str, states: str) -> bool:
    query = text(f"SELECT 1 FROM action WHERE {states} AND playbook = :name LIMIT 1")
    return connection.execute(query, {"name": playbook}).first() is not None


def _not_handed_off(connection: Connection, subject: Subject, condition: str) -> list[int]:
    these = f"{_SUBJECTS[subject.scope]} AND {condition}"
    queries = (f"SELECT id FROM action WHERE {one} AND {these}" for one in _CANCELLABLE)
    found = connection.execute(statement(" UNION ALL ".join(queries)), _binds(subject))
    return sorted(found.scalars())


def being_sent(connection: Connection, subject: Subject, now: Instant) -> int:
    """Return how many actions of ``subject`` a living worker has handed off and has no answer for yet."""
    query = (
        f"SELECT count(*) FROM action WHERE {LEASED_SQL} AND lease_until > :now AND state = '{State.HANDED_OFF}'"
        f" AND {_SUBJECTS[subject.scope]}"
    )
    return int(connection.execute(statement(query), {**_binds(subject), "now": now}).scalar_one())


def states_of(connection: Connection, actions: Sequence[int]) -> dict[int, str]:
    """Return the states of those of ``actions`` that exist."""
    ids = rowset(dialect_of(connection), "rows", id="BIGINT")
    query = text(f"SELECT a.id, a.state FROM {ids} AS r JOIN action AS a ON a.id = r.id ORDER BY a.id")
    return {row.id: row.state for row in connection.execute(query, {"rows": _packed(actions)})}


def cancel_by_hand(connection: Connection, actions: Sequence[int], intervention: int, now: Instant) -> list[int]:
    """Cancel those of ``actions`` that have not been handed off because of ``intervention``; return their ids."""
    return call_off(connection, actions, CallOff(State.CANCELLED, LedgerReason.CANCELLED_BY_HAND, intervention), now)


def call_off(connection: Connection, actions: Sequence[int], how: CallOff, now: Instant) -> list[int]:
    """Call off those of ``actions`` that have not been handed off, and have not been already; return their ids.

    A worker that has claimed one loses it: the fence grows.
    """
    dialect = dialect_of(connection)
    these = rowset(dialect, "rows", id="BIGINT")
    open_ = f"{_OPEN_SQL} AND NOT (action.state = :state AND action.reason = :reason)"
    where = dialect.where_locked("action", "action", "id", f"action.id IN (SELECT r.id FROM {these} AS r) AND {open_}")
    called_off = connection.execute(
        statement(
            "UPDATE action SET state = :state, reason = :reason, fence = fence + 1, lease_until = NULL,"
            f" changed_at = :now WHERE {where} RETURNING id"
        ),
        {"rows": _packed(actions), "now": now, "state": how.state.value, "reason": how.reason.value},
    )
    ids = list(called_off.scalars())
    log_changes(connection, [(action, how.state.value, how.reason.value) for action in ids], how.intervention, now)
    return ids


def restorable(connection: Connection, cancelled_by: int, now: Instant, limit: int, after: int = 0) -> list[int]:
    """Return up to ``limit`` actions, from the id ``after`` on, that the intervention cancelled.

    They are still cancelled because of it, and have not expired.
    """
    query = (
        "SELECT v.action_id FROM action_event AS v JOIN action AS a ON a.id = v.action_id"
        f" WHERE v.intervention_id = :by AND v.state = '{State.CANCELLED}' AND a.state = '{State.CANCELLED}'"
        " AND v.action_id > :after AND a.expires_at > :now"
        " AND v.id = (SELECT max(c.id) FROM action_event AS c WHERE c.action_id = a.id) ORDER BY v.action_id LIMIT :limit"
    )
    return list(
        connection.execute(text(query), {"by": cancelled_by, "after": after, "now": now, "limit": limit}).scalars()
    )


def last_restored(connection: Connection, intervention: int) -> int:
    """Return the action that the undo ``intervention`` restored last; 0 if none."""
    query = "SELECT max(v.action_id) FROM action_event AS v WHERE v.intervention_id = :by"
    return int(connection.execute(text(query), {"by": intervention}).scalar() or 0)


def restore(
    connection: Connection, actions: Sequence[int], intervention: int, lacking: DescribedEnum, now: Instant
) -> int:
    """Put cancelled ``actions`` back into the state in which they waited; return how many.

    One whose coupon code has gone to somebody else meanwhile is ``held`` for the reason ``lacking``.
    """
    return _put_back(
        connection, actions, _Back(f"action.state = '{State.CANCELLED}'", "TRUE", lacking, intervention), now
    )


def let_go_on(
    connection: Connection, actions: Sequence[int], held: DescribedEnum, lacking: DescribedEnum, now: Instant
) -> int:
    """Put those of ``actions`` that are held for ``held`` back into the state in which they waited before; return how many.

    Nothing changes about when they are due. ``lacking`` as for ``restore``.
    """
    these = f"action.state = '{State.HELD}' AND action.reason = '{held}'"
    return _put_back(connection, actions, _Back(these, f"v.reason <> '{held}'", lacking), now)


@dataclass(frozen=True, slots=True)
class _Back:
    """Which actions are put back, and into the state of the last event for which ``counts`` holds, as SQL."""

    condition: str
    counts: str
    lacking: DescribedEnum
    intervention: int | None = None


def _put_back(connection: Connection, actions: Sequence[int], back: _Back, now: Instant) -> int:
    dialect = dialect_of(connection)
    these = rowset(dialect, "rows", id="BIGINT")
    where = dialect.where_locked(
        "action", "action", "id", f"action.id IN (SELECT r.id FROM {these} AS r) AND {back.condition}"
    )
    state, reason = (_before(dialect, value, back.counts) for value in ("state", "reason"))
    supplied = (
        "(coupon IS NULL OR EXISTS (SELECT 1 FROM coupon_code AS k"
        " WHERE k.enrolment_id = action.enrolment_id AND k.coupon = action.coupon))"
    )
    restored = connection.execute(
        statement(
            f"UPDATE action SET state = CASE WHEN {supplied} THEN {state} ELSE '{State.HELD}' END,"
            f" reason = CASE WHEN {supplied} THEN {reason} ELSE :lacking END, changed_at = :now"
            f" WHERE {where} RETURNING id, state, reason"
        ),
        {"rows": _packed(actions), "now": now, "lacking": back.lacking.value},
    )
    events = [(row.id, row.state, row.reason) for row in restored]
    log_changes(connection, events, back.intervention, now)
    return len(events)


def _before(dialect: Dialect, value: str, counts: str) -> str:
    """Return SQL: ``value`` of the last event that ``counts`` in which the action waited. Every action began by waiting."""
    waited = f"v.action_id = action.id AND v.{UNSENT_SQL} AND {counts}"
    return dialect.of_first_row(f"v.{value}", "action_event", "v", waited, "v.id DESC")


def _binds(subject: Subject) -> dict[str, object]:
    return {"name": subject.name} if subject.name else {}


def _packed(actions: Sequence[int]) -> str:
    return pack([[action] for action in actions])
