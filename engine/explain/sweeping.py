"""How far an open sweep is, and when it will be over."""

from sqlalchemy import Connection

from engine.clock import SECOND, Instant
from engine.explain.health_models import Sweeping
from engine.store.due import Cause
from engine.store.sweep import SweepDepth, SweepProgress, sweep_progress

_REASONS = {
    SweepDepth.PLACES: "the rules changed",
    SweepDepth.SCORES: "scores were calibrated",
    SweepDepth.FACTS: "facts changed",
}
_PLAYBOOKS = "conditions of playbooks changed"


def sweeping(connection: Connection, wall: Instant) -> Sweeping | None:
    """Return the open sweep, if there is one; ``wall`` is the instant by the wall clock."""
    found = sweep_progress(connection)
    if found is None:
        return None
    rate = _rate(found, wall)
    left = found.total - found.reached
    return Sweeping(
        cause=found.sweep.need.cause,
        reason=_reason(found),
        version=found.sweep.version,
        opened_at=found.opened_at,
        moved_at=found.moved_at,
        reached=found.reached,
        total=found.total,
        per_second=rate,
        ends_at=Instant(wall + round(left / rate * SECOND)) if rate else None,
    )


def _reason(found: SweepProgress) -> str:
    need = found.sweep.need
    if need.everybody and need.depth is SweepDepth.PLACES and need.cause is Cause.RULES:
        return f"{_REASONS[need.depth]} or {_PLAYBOOKS}"
    return _REASONS[need.depth]


def _rate(found: SweepProgress, wall: Instant) -> float | None:
    if found.started_at is None or wall <= found.started_at:
        return None
    return found.reached * SECOND / (wall - found.started_at)
