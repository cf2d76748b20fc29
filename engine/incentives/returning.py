"""Codes that go back to their pool: those of messages that ended unsent, so that others can have them.

A code is its enrolment's as long as any message of the enrolment with this coupon may still be sent, or may have reached
the user. What was ever ``unknown`` may have, unless a person says that it was not sent.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from engine.actions.reasons import HandReason
from engine.actions.states import ENDED_UNSENT_SQL, MAY_HAVE_ARRIVED_SQL
from engine.clock import NEVER
from engine.store.dialects import dialect_of
from engine.store.rowset import pack, rowset
from engine.store.statement import statement

_DENIED = (
    "SELECT 1 FROM action_event AS d WHERE d.action_id = v.action_id AND d.id > v.id"
    f" AND d.reason = '{HandReason.NOT_SENT}'"
)
MAY_HAVE_ARRIVED = (
    f"EXISTS (SELECT 1 FROM action_event AS v WHERE v.action_id = a.id AND v.{MAY_HAVE_ARRIVED_SQL}"
    f" AND NOT EXISTS ({_DENIED}))"
)
"""SQL: the action ``a`` may have reached the user, for all that its history says."""
_IN_USE = (
    "SELECT 1 FROM action AS a WHERE a.enrolment_id = coupon_code.enrolment_id AND a.coupon = coupon_code.coupon"
    f" AND (NOT a.{ENDED_UNSENT_SQL} OR {MAY_HAVE_ARRIVED})"
)
_FREE_AGAIN = (
    "enrolment_id = NULL, user_id = NULL, claimed_at = NULL, own_expires_at = NULL, expires_at ="
    f" CASE WHEN own_expires_at IS NULL THEN expires_at WHEN own_expires_at < {NEVER} THEN own_expires_at END"
)


def return_codes(connection: Connection, pools: Sequence[str], limit: int) -> int:
    """Look at up to ``limit`` coupons of messages that have ended; return how many were looked at.

    ``pools`` are the declared pools: codes of a series are derived for one enrolment, and stay with it.
    """
    dialect = dialect_of(connection)
    query = f"SELECT id, enrolment_id, coupon FROM returning_code ORDER BY id LIMIT :limit{dialect.lock_free()}"
    found = connection.execute(text(query), {"limit": limit}).all()
    if not found:
        return 0
    ended = pack([[row.enrolment_id, row.coupon] for row in found])
    these = rowset(dialect, "ended", enrolment_id="BIGINT", coupon="TEXT")
    # From here on, nobody gives these enrolments another message, and none of their messages changes.
    for table, alias, key in (("enrolment", "n", "n.id"), ("action", "a", "a.enrolment_id")):
        locked = f"SELECT {alias}.id FROM {table} AS {alias} WHERE {key} IN (SELECT r.enrolment_id FROM {these} AS r)"
        dialect.lock_selected(connection, f"{locked} ORDER BY {alias}.id", alias, {"ended": ended})
    declared = rowset(dialect, "pools", name="TEXT")
    connection.execute(
        statement(
            f"UPDATE coupon_code SET {_FREE_AGAIN} WHERE (enrolment_id, coupon) IN"
            f" (SELECT r.enrolment_id, r.coupon FROM {these} AS r) AND NOT EXISTS ({_IN_USE})"
            f" AND (own_expires_at IS NOT NULL OR coupon IN (SELECT p.name FROM {declared} AS p))"
        ),
        {"ended": ended, "pools": pack([[name] for name in pools])},
    )
    done = rowset(dialect, "done", id="BIGINT")
    connection.execute(
        text(f"DELETE FROM returning_code WHERE id IN (SELECT r.id FROM {done} AS r)"),
        {"done": pack([[row.id] for row in found])},
    )
    return len(found)
