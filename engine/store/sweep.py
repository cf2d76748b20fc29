"""The sweep: the re-evaluation of everybody after a change of rules or scores, in ranges of users.

At most one is open. A change that comes while one is open closes it and opens another that does the work of both, because
whoever has been reached has to be reached again. Only this module's SQL writes ``sweep`` and ``sweep_range``.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, text

from engine.clock import Instant, WallClock
from engine.store.dialects import dialect_of
from engine.store.due import Cause, claim_causes
from engine.store.temporary import DUE_USER

RANGE = 50_000
"""User ids in one range, so the work of one worker before it looks for another range."""
_UNREACHED = "sweep_id = :sweep AND next_user < high"


class SweepDepth(StrEnum):
    """What a sweep computes again; each includes those before it."""

    PLACES = "places"
    """Placements and due instants; the facts are right as they are."""
    SCORES = "scores"
    """Facts that depend on calibrated cut points, and facts computed from them."""
    FACTS = "facts"
    """All facts, from users and events."""


_DEPTHS = tuple(SweepDepth)


@dataclass(frozen=True, slots=True)
class SweepNeed:
    """Why everybody has to be evaluated again, and what has to be computed."""

    cause: Cause
    depth: SweepDepth
    everybody: bool = False
    """Whether triggers have to be asked about everybody, because their conditions changed; otherwise only about users
    who move.
    """

    def with_(self, other: "SweepNeed") -> "SweepNeed":
        """Return the need of both at once."""
        cause = Cause.RULES if Cause.RULES in (self.cause, other.cause) else self.cause
        depth = max(self.depth, other.depth, key=_DEPTHS.index)
        return SweepNeed(cause, depth, self.everybody or other.everybody)


@dataclass(frozen=True, slots=True)
class OpenSweep:
    """The open sweep."""

    number: int
    need: SweepNeed
    version: str
    """The version of the files that opened it."""


@dataclass(frozen=True, slots=True)
class UserRange:
    """User ids from ``low`` up to but excluding ``high``, in the range of the sweep that starts at ``start``."""

    start: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class SweepProgress:
    """How far the open sweep is, in user ids; instants are those of the wall clock, in UTC milliseconds."""

    sweep: OpenSweep
    reached: int
    total: int
    opened_at: Instant
    started_at: Instant | None
    """None while no tick has worked on it."""
    moved_at: Instant
    """When a tick reached somebody last; when it was opened, if none has."""


def wait_for_chunks(connection: Connection) -> None:
    """Wait until all have ended who hold the running version, and hold off others until this transaction ends.

    Those are the transactions of ticks, and others who call this. Whoever changes what users are evaluated by (files, scores)
    does so first: what a tick has begun with the old ones is then there to be seen, and to be swept.
    """
    dialect_of(connection).lock_table(connection, "version")


def open_sweep(connection: Connection, need: SweepNeed, version: str) -> None:
    """Open a sweep over all users who exist now, for ``version`` of the files; waits for ticks' current transactions."""
    wait_for_chunks(connection)
    now = WallClock().now()
    if (current := current_sweep(connection)) is not None:
        need = need.with_(current.need)
        close_sweep(connection, current)
    last = connection.execute(text("SELECT coalesce(max(id), 0) FROM users")).scalar_one()
    number = connection.execute(
        text(
            "INSERT INTO sweep (cause, depth, everybody, version, opened_at)"
            " VALUES (:cause, :depth, :everybody, :version, :now) RETURNING id"
        ),
        {"cause": need.cause, "depth": need.depth, "everybody": need.everybody, "version": version, "now": now},
    ).scalar_one()
    ranges = [{"sweep": number, "low": low, "high": min(low + RANGE, last + 1)} for low in range(1, last + 1, RANGE)]
    if ranges:
        made = text("INSERT INTO sweep_range (sweep_id, low, high, next_user) VALUES (:sweep, :low, :high, :low)")
        connection.execute(made, ranges)


def current_sweep(connection: Connection) -> OpenSweep | None:
    """Return the open sweep; None if there is none."""
    row = connection.execute(
        text(
            "SELECT id, cause, depth, everybody, version FROM sweep WHERE finished_at IS NULL ORDER BY id DESC LIMIT 1"
        )
    ).first()
    if row is None:
        return None
    return OpenSweep(row.id, SweepNeed(Cause(row.cause), SweepDepth(row.depth), bool(row.everybody)), row.version)


def take_range(
    connection: Connection, sweep: OpenSweep, limit: int, apart_from: Collection[int] = ()
) -> UserRange | None:
    """Return up to ``limit`` user ids that nobody has reached or is working on; None if there are none.

    The range is locked until the transaction ends, where rows can be locked. ``apart_from`` are the starts of ranges that
    other threads of this process are working on.
    """
    free = dialect_of(connection).lock_free()
    others = f" AND low NOT IN ({', '.join(str(int(start)) for start in apart_from)})" if apart_from else ""
    row = connection.execute(
        text(f"SELECT low, high, next_user FROM sweep_range WHERE {_UNREACHED}{others} ORDER BY low LIMIT 1{free}"),
        {"sweep": sweep.number},
    ).first()
    return None if row is None else UserRange(row.low, row.next_user, min(row.high, row.next_user + limit))


def claim_unreached(connection: Connection, sweep: OpenSweep, among: str, binds: Mapping[str, object]) -> None:
    """Let users of ``due_user`` whom the sweep has not reached move for its cause, unless theirs is stronger.

    ``among`` is SQL over ``due_user``: whom the sweep concerns. ``binds`` includes ``now``.
    """
    unreached = (
        f"EXISTS (SELECT 1 FROM sweep_range AS r WHERE r.sweep_id = :sweep AND {DUE_USER}.user_id >= r.next_user"
        f" AND {DUE_USER}.user_id < r.high)"
    )
    claim_causes(connection, sweep.need.cause, f"{unreached} AND {among}", {**binds, "sweep": sweep.number})


def reach(connection: Connection, sweep: OpenSweep, done: UserRange) -> bool:
    """Move the cursor to the end of ``done``; return False if the sweep was closed, or others have moved it meanwhile."""
    now = WallClock().now()
    moved = connection.execute(
        text(
            "UPDATE sweep_range SET next_user = :next, reached_at = :now"
            " WHERE sweep_id = :sweep AND low = :start AND next_user = :from_user"
        ),
        {"next": done.high, "now": now, "sweep": sweep.number, "start": done.start, "from_user": done.low},
    )
    if not moved.rowcount:
        return False
    started = text("UPDATE sweep SET started_at = :now WHERE id = :sweep AND started_at IS NULL")
    connection.execute(started, {"now": now, "sweep": sweep.number})
    return True


def wait_for_others(connection: Connection, sweep: OpenSweep) -> None:
    """Wait until other workers have committed the ranges that they are working on."""
    query = f"SELECT low FROM sweep_range AS r WHERE {_UNREACHED} ORDER BY low"
    dialect_of(connection).lock_selected(connection, query, "r", {"sweep": sweep.number})


def is_over(connection: Connection, sweep: OpenSweep) -> bool:
    """Tell whether the sweep has reached everybody."""
    left = text(f"SELECT 1 FROM sweep_range WHERE {_UNREACHED} LIMIT 1")
    return connection.execute(left, {"sweep": sweep.number}).first() is None


def close_sweep(connection: Connection, sweep: OpenSweep) -> None:
    """Close the sweep: it has reached everybody, or another takes its place."""
    closed = text("UPDATE sweep SET finished_at = :now WHERE id = :sweep AND finished_at IS NULL")
    connection.execute(closed, {"now": WallClock().now(), "sweep": sweep.number})
    connection.execute(text("DELETE FROM sweep_range WHERE sweep_id = :sweep"), {"sweep": sweep.number})


def sweep_progress(connection: Connection) -> SweepProgress | None:
    """Return how far the open sweep is; None if there is none."""
    sweep = current_sweep(connection)
    if sweep is None:
        return None
    row = connection.execute(
        text(
            "SELECT s.opened_at, s.started_at, coalesce(sum(r.next_user - r.low), 0) AS reached,"
            " coalesce(sum(r.high - r.low), 0) AS total,"
            " coalesce(max(r.reached_at), s.started_at, s.opened_at) AS moved_at FROM sweep AS s LEFT JOIN sweep_range AS r ON r.sweep_id = s.id"
            " WHERE s.id = :sweep GROUP BY s.opened_at, s.started_at"
        ),
        {"sweep": sweep.number},
    ).one()
    started = None if row.started_at is None else Instant(row.started_at)
    opened, moved = Instant(row.opened_at), Instant(row.moved_at)
    return SweepProgress(sweep, int(row.reached), int(row.total), opened, started, moved)
