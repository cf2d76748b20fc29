"""The health of an installation, with queries that are cheap at any size: index probes, and counts with a limit."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import Connection, text

from engine.actions.reasons import Reasons
from engine.actions.states import HELD_OR_UNKNOWN_SQL, LEASED_SQL, WAITING_SQL
from engine.clock import DAY, MINUTE, Instant
from engine.content.versions import CONTENT
from engine.explain.health_models import Depth, Disk, Lag, Pool, Store, TickDone, WorkerSeen
from engine.explain.notices import unpacked
from engine.explain.sweeping import sweeping
from engine.intake.write.suppressions import GONE
from engine.store.dialects import dialect_of
from engine.store.quarantine import read_quarantine
from engine.store.repeats import repeats_since

TICKS = 5
"""How many ticks are reported."""
SILENT_FOR = 2 * MINUTE
"""Workers report every 15 seconds; one that has not reported for this long is considered dead."""
COUNTED = 20_000
"""The limit up to which actions and coupon codes are counted; beyond it, the report says "or more"."""
QUARANTINED = 100
"""How many quarantined rows are reported."""
RATE_OVER = 7 * DAY
"""Over how long the claims of a coupon pool are counted, to tell how long its codes last."""

_VERSION = text("SELECT hash, applied_at FROM version WHERE kind = :kind ORDER BY applied_at DESC LIMIT 1")
_WORKERS = text("SELECT name, started_at, seen_at, content_version, notices FROM worker ORDER BY name")
_TICKS = text(
    "SELECT at, started_at, ended_at - started_at AS milliseconds, users, transitions, enrolments, actions, error"
    " FROM tick ORDER BY id DESC LIMIT :limit"
)
# Each is one probe of the index that the tick or delivery itself uses.
_USER_DUE = text("SELECT due_at FROM user_due WHERE due_at > 0 AND due_at <= :now ORDER BY due_at LIMIT 1")
_USER_AT_ONCE = text(
    "SELECT 1 WHERE EXISTS (SELECT 1 FROM user_due WHERE due_at <= 0) OR EXISTS (SELECT 1 FROM user_news)"
)
_ENROLMENT_DUE = text("SELECT due_at FROM enrolment WHERE state = 'active' AND due_at <= :now ORDER BY due_at LIMIT 1")
_ACTION_DUE = text(f"SELECT due_at FROM action WHERE {WAITING_SQL} AND due_at <= :now ORDER BY due_at LIMIT 1")
_GONE = text(
    f"SELECT count(*) FROM (SELECT 1 FROM suppression WHERE at > :since AND reason = '{GONE}' LIMIT :limit) AS g"
)
_FREE = text(
    "SELECT count(*) FROM (SELECT 1 FROM coupon_code WHERE coupon = :coupon AND enrolment_id IS NULL"
    " AND (expires_at IS NULL OR expires_at > :now) LIMIT :limit) AS f"
)
# Two probes and a range of the index on claims.
_FIRST_CLAIM = text(
    "SELECT claimed_at FROM coupon_code WHERE coupon = :coupon AND claimed_at IS NOT NULL ORDER BY claimed_at LIMIT 1"
)
_CLAIMED = text(
    "SELECT count(*) FROM (SELECT 1 FROM coupon_code WHERE coupon = :coupon AND claimed_at IS NOT NULL"
    " AND claimed_at > :since LIMIT :limit) AS c"
)


def read_store(connection: Connection, reasons: Reasons, now: Instant, wall: Instant) -> Store:
    """Return the workers, ticks, lag and queues in the store at ``now``; ``reasons`` explain the queues.

    ``wall`` is the instant by the machine's clock.
    """
    version = connection.execute(_VERSION, {"kind": CONTENT}).first()
    return Store(
        at=now,
        content_version=version.hash if version else None,
        applied_at=Instant(version.applied_at) if version else None,
        users_about=_users_about(connection),
        workers=_workers(connection, now),
        ticks=tuple(TickDone(**row) for row in connection.execute(_TICKS, {"limit": TICKS}).mappings()),
        lag=_lag(connection, now),
        sweep=sweeping(connection, wall),
        queue=(*_depths(connection, WAITING_SQL, reasons), *_depths(connection, LEASED_SQL, reasons)),
        held_or_unknown=_depths(connection, HELD_OR_UNKNOWN_SQL, reasons),
        repeated=repeats_since(connection, Instant(now - DAY)),
        quarantine=read_quarantine(connection, QUARANTINED),
        gone=int(connection.execute(_GONE, {"since": now - DAY, "limit": COUNTED}).scalar_one()),
    )


def read_pools(connection: Connection, coupons: Iterable[str], now: Instant) -> tuple[Pool, ...]:
    """Return how many free codes each of the pools ``coupons`` has, and how fast they are claimed."""
    return tuple(_pool(connection, coupon, now) for coupon in coupons)


def read_disk(folder: Path) -> Disk:
    """Return the space on the volume of ``folder``."""
    space = shutil.disk_usage(folder)
    return Disk(str(folder), space.free, space.total)


def _pool(connection: Connection, coupon: str, now: Instant) -> Pool:
    binds = {"coupon": coupon, "now": now, "limit": COUNTED + 1}
    free = int(connection.execute(_FREE, binds).scalar_one())
    first = connection.execute(_FIRST_CLAIM, binds).scalar()
    over = min(max(now - int(first), DAY), RATE_OVER) if first is not None else RATE_OVER
    claimed = int(connection.execute(_CLAIMED, {**binds, "since": now - over - 1}).scalar_one())
    return Pool(coupon, min(free, COUNTED), more=free > COUNTED, claimed=min(claimed, COUNTED), over=over)


def _workers(connection: Connection, now: Instant) -> tuple[WorkerSeen, ...]:
    return tuple(
        WorkerSeen(
            name=row.name,
            started_at=Instant(row.started_at),
            seen_at=Instant(row.seen_at),
            content_version=row.content_version,
            notices=unpacked(row.notices),
            silent=row.seen_at + SILENT_FOR < now,
        )
        for row in connection.execute(_WORKERS)
    )


def _lag(connection: Connection, now: Instant) -> Lag:
    def late(query: object) -> int | None:
        due_at = connection.execute(query, {"now": now}).scalar()  # type: ignore[call-overload]
        return None if due_at is None else now - int(due_at)

    at_once = connection.execute(_USER_AT_ONCE).scalar() is not None
    return Lag(late(_USER_DUE), at_once, late(_ENROLMENT_DUE), late(_ACTION_DUE))


def _depths(connection: Connection, states: str, reasons: Reasons) -> tuple[Depth, ...]:
    """Count the actions in ``states``, which is a partial index's condition, up to the limit."""
    query = text(
        "SELECT q.state, q.channel, q.reason, count(*) AS count FROM"
        f" (SELECT state, channel, reason FROM action WHERE {states} LIMIT :limit) AS q"
        " GROUP BY q.state, q.channel, q.reason ORDER BY q.state, q.channel, q.reason"
    )
    rows = connection.execute(query, {"limit": COUNTED}).all()
    more = sum(row[3] for row in rows) >= COUNTED
    return tuple(
        Depth(state, channel, reason, reasons.sentence(reason), int(count), more)
        for state, channel, reason, count in rows
    )


def count_users(connection: Connection) -> int:
    """Return how many users there are. All are counted, which takes a while if there are millions."""
    return int(connection.execute(text("SELECT count(*) FROM users")).scalar_one())


def _users_about(connection: Connection) -> int:
    estimate = dialect_of(connection).estimated_rows(connection, "users")
    if estimate is not None:
        return estimate
    return int(connection.execute(text("SELECT coalesce(max(id), 0) FROM users")).scalar_one())
