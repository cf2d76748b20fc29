"""Messages and grants that wait for a coupon code: released, oldest first, when there are codes, or expired."""

from sqlalchemy import Connection, text

from engine.actions import ledger
from engine.actions.states import HELD_SQL
from engine.clock import Instant
from engine.incentives.coupons import CouponIssuer
from engine.incentives.reasons import CouponReason
from engine.store.dialects import dialect_of

_WAITING = f"{HELD_SQL} AND reason = '{CouponReason.POOL_EMPTY}'"
_SUPPLIED = (
    "EXISTS (SELECT 1 FROM coupon_code AS k WHERE k.enrolment_id = action.enrolment_id AND k.coupon = action.coupon)"
)


def release(connection: Connection, coupon_issuer: CouponIssuer, now: Instant, limit: int) -> int:
    """Give codes to up to ``limit`` enrolments per coupon that wait for one; return how many actions changed."""
    coupons = _coupons(connection)
    for coupon in coupons:
        _claim(connection, coupon_issuer, coupon, now, limit)
    if coupons:
        _lock_enrolments(connection)
    expired = ledger.expire(connection, f"{_WAITING} AND expires_at <= :now", CouponReason.EXPIRED_WAITING, now)
    return len(expired) + sum(_release(connection, coupon, now) for coupon in coupons)


def _coupons(connection: Connection) -> list[str]:
    return list(connection.execute(text(f"SELECT DISTINCT coupon FROM action WHERE {_WAITING}")).scalars())


def _claim(connection: Connection, coupon_issuer: CouponIssuer, coupon: str, now: Instant, limit: int) -> None:
    """Give codes to those who wait and whose action has not expired."""
    wanting = (
        "SELECT enrolment_id AS id, user_id AS user_id, min(id) AS turn FROM action"
        f" WHERE {_WAITING} AND coupon = :coupon AND expires_at > :now"
        " GROUP BY enrolment_id, user_id ORDER BY min(id) LIMIT :limit"
    )
    coupon_issuer.claim(connection, coupon, wanting, {"limit": limit}, now)


def _lock_enrolments(connection: Connection) -> None:
    """Lock the enrolments that go on after a grant: before their actions, as whoever ends enrolments does."""
    granted = f"SELECT action.enrolment_id FROM action WHERE {_WAITING} AND kind = 'coupon' AND {_SUPPLIED}"
    these = f"SELECT n.id FROM enrolment AS n WHERE n.id IN ({granted}) ORDER BY n.id"
    dialect_of(connection).lock_selected(connection, these, "n")


def _release(connection: Connection, coupon: str, now: Instant) -> int:
    supplied = f"{_WAITING} AND coupon = :coupon AND {_SUPPLIED} AND kind = "
    binds = {"coupon": coupon}
    messages = ledger.release(connection, f"{supplied}'message'", CouponReason.POOL_FILLED, now, binds)
    grants = ledger.complete(connection, f"{supplied}'coupon'", CouponReason.GRANTED, now, binds)
    if grants:
        going_on = text(
            "UPDATE enrolment SET step = step + 1, waiting_since = NULL, due_at = :now"
            " WHERE id = (SELECT enrolment_id FROM action WHERE id = :action) AND state = 'active'"
            " AND waiting_since IS NOT NULL"
        )
        connection.execute(going_on, [{"now": now, "action": action} for action in grants])
    return len(messages) + len(grants)
