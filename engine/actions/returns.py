"""What actions leave behind when they end unsent: their coupon's code may go back to its pool.

Whoever ends actions notes their coupons, in the same transaction; the next tick looks whether the codes are free (see
``engine.incentives.returning``). So no end is forgotten, and delivery waits for nobody.
"""

from collections.abc import Iterable

from sqlalchemy import Connection, text

from engine.store.dialects import dialect_of
from engine.store.rowset import pack, rowset


def note_ended(connection: Connection, actions: Iterable[int]) -> None:
    """Note the coupons of ``actions``, which have just ended unsent."""
    rows = [[action] for action in actions]
    if not rows:
        return
    ended = rowset(dialect_of(connection), "rows", id="BIGINT")
    noting = (
        "INSERT INTO returning_code (enrolment_id, coupon) SELECT a.enrolment_id, a.coupon"
        f" FROM {ended} AS r JOIN action AS a ON a.id = r.id WHERE a.coupon IS NOT NULL"
    )
    connection.execute(text(noting), {"rows": pack(rows)})
