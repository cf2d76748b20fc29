"""Taking back coupon codes that were claimed under a clock that was ahead, for messages that are not sent now."""

from collections.abc import Mapping

from sqlalchemy import Connection

from engine.clock import Instant
from engine.incentives.form import CouponSection
from engine.store.statement import quoted, statement


def take_back_codes(connection: Connection, coupons: Mapping[str, CouponSection], since: Instant) -> int:
    """Free the codes that were claimed later than ``since`` and that no action needs; return how many.

    Codes of a series are removed, because the next claim derives them again. Codes of a pool keep the end of their validity,
    which may have been shortened when they were claimed.
    """
    needed = (
        "EXISTS (SELECT 1 FROM action AS a WHERE a.enrolment_id = coupon_code.enrolment_id"
        " AND a.coupon = coupon_code.coupon AND a.state <> 'held')"
    )
    these = f"claimed_at > :since AND NOT {needed}"
    series = ", ".join(quoted(name) for name, section in coupons.items() if section.kind == "series") or "NULL"
    removed = f"DELETE FROM coupon_code WHERE {these} AND coupon IN ({series})"
    freed = f"UPDATE coupon_code SET enrolment_id = NULL, user_id = NULL, claimed_at = NULL WHERE {these}"
    kept = "UPDATE coupon_code SET claimed_at = :since WHERE claimed_at > :since"
    done = sum(connection.execute(statement(sql), {"since": since}).rowcount for sql in (removed, freed))
    connection.execute(statement(kept), {"since": since})
    return done
