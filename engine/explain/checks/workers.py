"""Workers that are missing, have died, or do not tick."""

from collections.abc import Iterator

from engine.clock import iso
from engine.content.values import span
from engine.explain.checks.base import CheckFinding, Installation


def no_worker(seen: Installation) -> Iterator[CheckFinding]:
    """Nobody works although something is due. Whoever runs ``habitue tick`` from a crontab needs no worker."""
    late = _overdue(seen, actions=True)
    if late and not seen.alive and not _ticked_lately(seen):
        yield CheckFinding("workers", f"none is running, and {late}", "start one: `habitue run`")


def no_ticks(seen: Installation) -> Iterator[CheckFinding]:
    """Workers run, but nobody ticks."""
    late = _overdue(seen, actions=False)
    if late and seen.alive and not _ticked_lately(seen) and not _ticking(seen):
        workers = ", ".join(worker.name for worker in seen.alive)
        yield CheckFinding(
            "ticks",
            f"workers are running ({workers}), but none of them ticks, and {late}",
            "start one that does: `habitue run`, without `--only delivery`; if it should, restart it",
        )


def worker_died(seen: Installation) -> Iterator[CheckFinding]:
    """A worker vanished, and none was started since to take its place."""
    for worker in seen.store.workers:
        if worker.silent and not any(other.started_at >= worker.seen_at for other in seen.alive):
            yield CheckFinding(
                f"worker {worker.name}",
                f"not seen since {iso(worker.seen_at)}, and no other has been started since",
                "see whether it died or hangs, and start another: `habitue run`",
            )


def _overdue(seen: Installation, *, actions: bool) -> str:
    """Return what has been due for too long, in words; empty if nothing has."""
    lag = seen.store.lag
    late = {"users": lag.users, "enrolments": lag.enrolments, "messages": lag.actions if actions else None}
    since = ", ".join(f"{what} for {span(by)}" for what, by in late.items() if by and by > seen.patience)
    said = [f"overdue are {since}"] if since else []
    if lag.users_at_once:
        said.append("users about whom something is new are waiting")
    return " and ".join(said)


def _ticked_lately(seen: Installation) -> bool:
    return bool(seen.store.ticks) and seen.store.ticks[0].at >= seen.now - seen.patience


def _ticking(seen: Installation) -> bool:
    """Tell whether a tick is running: whether it gets anywhere, others check."""
    return bool(seen.store.ticks) and seen.store.ticks[0].milliseconds is None
