"""Undoing what a person did to actions: those that nothing has happened to since go back to where they were."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from engine.actions.by_hand import log_changes
from engine.actions.states import State
from engine.clock import Instant
from engine.store.dialects import dialect_of
from engine.store.rowset import pack, rowset

_CODE_IS_THERE = (
    "a.coupon IS NULL OR EXISTS (SELECT 1 FROM coupon_code AS k"
    " WHERE k.enrolment_id = a.enrolment_id AND k.coupon = a.coupon)"
)
# Once its code went back, an action is not made unknown again: its message may have the code that another user has now.
_UNTOUCHED = (
    "FROM action_event AS v JOIN action AS a ON a.id = v.action_id AND a.state = v.state"
    " JOIN action_event AS p ON p.id = (SELECT max(b.id) FROM action_event AS b"
    " WHERE b.action_id = v.action_id AND b.id < v.id)"
    " WHERE v.intervention_id = :done AND NOT EXISTS (SELECT 1 FROM action_event AS l"
    " WHERE l.action_id = v.action_id AND l.id > v.id)"
    f" AND (p.state <> '{State.UNKNOWN}' OR {_CODE_IS_THERE})"
)


def count_untouched(connection: Connection, intervention: int) -> int:
    """Return how many actions ``put_back`` would change."""
    return int(connection.execute(text(f"SELECT count(*) {_UNTOUCHED}"), {"done": intervention}).scalar_one())


def put_back(connection: Connection, intervention: int, by: int, now: Instant, limit: int) -> int:
    """Put up to ``limit`` actions back to the state and reason that they had before ``intervention``; return how many.

    Those that were claimed, sent or changed since stay as they are. ``by`` is the intervention that undoes it.
    """
    dialect = dialect_of(connection)
    found = text(f"SELECT a.id {_UNTOUCHED} ORDER BY a.id LIMIT :limit")
    ids = connection.execute(found, {"done": intervention, "limit": limit}).scalars().all()
    if not ids:
        return 0
    these = rowset(dialect, "rows", id="BIGINT")
    rows = pack([[one] for one in ids])
    locked = f"SELECT a.id FROM action AS a WHERE a.id IN (SELECT r.id FROM {these} AS r) ORDER BY a.id"
    dialect.lock_selected(connection, locked, "a", {"rows": rows})
    # Asked again under the locks: meanwhile a worker may have claimed some of them.
    before = text(f"SELECT a.id, p.state, p.reason {_UNTOUCHED} AND a.id IN (SELECT r.id FROM {these} AS r)")
    events = [tuple(row) for row in connection.execute(before, {"done": intervention, "rows": rows})]
    _write(connection, events, by, now)
    return len(events)


def _write(connection: Connection, events: Sequence[tuple[int, str, str]], by: int, now: Instant) -> None:
    moved = rowset(dialect_of(connection), "rows", id="BIGINT", state="TEXT", reason="TEXT")
    moving = text(
        f"UPDATE action SET state = r.state, reason = r.reason, changed_at = :now FROM {moved} AS r"
        " WHERE action.id = r.id"
    )
    connection.execute(moving, {"rows": pack([list(event) for event in events]), "now": now})
    log_changes(connection, events, by, now)
