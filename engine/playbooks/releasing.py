"""Messages and grants that wait for a coupon code: released, oldest first, when there are codes, or expired."""

from sqlalchemy import Connection, text

from engine.actions import ledger
from engine.clock import Instant
from engine.incentives.coupons import CouponIssuer
from engine.incentives.reasons import CouponReason

# The first condition is the partial index's own: the planners compare texts.
_WAITING = f"state IN ('held', 'unknown') AND reason = '{CouponReason.POOL_EMPTY}' AND state = 'held'"
_SUPPLIED = (
    "EXISTS (SELECT 1 FROM coupon_code AS k WHERE k.enrolment_id = action.enrolment_id AND k.coupon = action.coupon)"
)


def release(connection: Connection, coupon_issuer: CouponIssuer, now: Instant, limit: int) -> int:
    """Give codes to up to ``limit`` enrolments per coupon that wait for one; return how many actions changed."""
    expired = ledger.expire(connection, f"{_WAITING} AND expires_at <= :now", CouponReason.EXPIRED_WAITING, now)
    changed = len(expired)
    for coupon in _coupons(connection):
        changed += _release(connection, coupon_issuer, coupon, now, limit)
    return changed


def _coupons(connection: Connection) -> list[str]:
    return list(connection.execute(text(f"SELECT DISTINCT coupon FROM action WHERE {_WAITING}")).scalars())


def _release(connection: Connection, coupon_issuer: CouponIssuer, coupon: str, now: Instant, limit: int) -> int:
    wanting = (
        "SELECT enrolment_id AS id, user_id AS user_id, min(id) AS turn FROM action"
        f" WHERE {_WAITING} AND coupon = :coupon GROUP BY enrolment_id, user_id ORDER BY min(id) LIMIT :limit"
    )
    coupon_issuer.claim(connection, coupon, wanting, {"limit": limit}, now)
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
