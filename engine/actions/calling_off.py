"""Cancelling what waits because a person says so, and undoing that.

Both work on chunks of ids. Each chunk locks its actions and changes those that are still as they were found, so it can
run beside workers, be interrupted, and be repeated.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text

from engine.actions.by_hand import log_by_hand
from engine.actions.described_enum import DescribedEnum
from engine.actions.reasons import LedgerReason
from engine.actions.states import LEASED_SQL, UNSENT_SQL, WAITING_SQL, State
from engine.clock import Instant
from engine.store.dialects import Dialect, dialect_of
from engine.store.paused import Subject, SubjectScope
from engine.store.rowset import pack, rowset
from engine.store.statement import statement

# Each is a partial index's condition, and what of it can be cancelled: planners compare texts.
_CANCELLABLE = (
    WAITING_SQL,
    "state IN ('held', 'unknown') AND state = 'held'",
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


def cancellable(connection: Connection, subject: Subject) -> list[int]:
    """Return the actions of ``subject`` that have not been handed off, by id: one pass over what waits."""
    queries = (f"SELECT id FROM action WHERE {one} AND {_SUBJECTS[subject.scope]}" for one in _CANCELLABLE)
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
    """Cancel those of ``actions`` that have not been handed off; return their ids.

    A worker that has claimed one loses it: the fence grows.
    """
    dialect = dialect_of(connection)
    these = rowset(dialect, "rows", id="BIGINT")
    where = dialect.where_locked(
        "action", "action", "id", f"action.id IN (SELECT r.id FROM {these} AS r) AND {_OPEN_SQL}"
    )
    cancelled = connection.execute(
        statement(
            f"UPDATE action SET state = '{State.CANCELLED}', reason = '{LedgerReason.CANCELLED_BY_HAND}',"
            f" fence = fence + 1, lease_until = NULL, changed_at = :now WHERE {where} RETURNING id"
        ),
        {"rows": _packed(actions), "now": now},
    )
    ids = list(cancelled.scalars())
    events = [(action, State.CANCELLED.value, LedgerReason.CANCELLED_BY_HAND.value) for action in ids]
    log_by_hand(connection, events, intervention, now)
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
    dialect = dialect_of(connection)
    these = rowset(dialect, "rows", id="BIGINT")
    where = dialect.where_locked(
        "action", "action", "id", f"action.id IN (SELECT r.id FROM {these} AS r) AND action.state = '{State.CANCELLED}'"
    )
    supplied = (
        "(coupon IS NULL OR EXISTS (SELECT 1 FROM coupon_code AS k"
        " WHERE k.enrolment_id = action.enrolment_id AND k.coupon = action.coupon))"
    )
    restored = connection.execute(
        statement(
            f"UPDATE action SET state = CASE WHEN {supplied} THEN {_before(dialect, 'state')} ELSE '{State.HELD}' END,"
            f" reason = CASE WHEN {supplied} THEN {_before(dialect, 'reason')} ELSE :lacking END, changed_at = :now"
            f" WHERE {where} RETURNING id, state, reason"
        ),
        {"rows": _packed(actions), "now": now, "lacking": lacking.value},
    )
    events = [(row.id, row.state, row.reason) for row in restored]
    log_by_hand(connection, events, intervention, now)
    return len(events)


def _before(dialect: Dialect, value: str) -> str:
    """Return SQL: ``value`` of the last event in which the action waited. Every action began by waiting."""
    waited = f"v.action_id = action.id AND v.{UNSENT_SQL}"
    return dialect.of_first_row(f"v.{value}", "action_event", "v", waited, "v.id DESC")


def _binds(subject: Subject) -> dict[str, object]:
    return {"name": subject.name} if subject.name else {}


def _packed(actions: Sequence[int]) -> str:
    return pack([[action] for action in actions])
