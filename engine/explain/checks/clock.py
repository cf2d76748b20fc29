"""A store that is ahead of the clock: ticks wait until it has caught up."""

from collections.abc import Iterator

from sqlalchemy import text

from engine.clock import MINUTE, iso
from engine.content.values import span
from engine.explain.checks.base import CheckFinding, Installation
from engine.explain.notices import NoticeKind

SKEW = 5 * MINUTE
"""How far clocks may differ, in milliseconds."""
_NEWEST_CHANGE = text("SELECT at FROM action_event ORDER BY at DESC LIMIT 1")


def clock_ahead(seen: Installation) -> Iterator[CheckFinding]:
    """The store has ticks or changes of later than now, or a worker reports from the future."""
    ahead = {what: at for what, at in _instants(seen).items() if at > seen.now + SKEW}
    if not ahead and not any(_of_worker(seen)):
        return
    said = "; ".join(f"{what} is of {iso(at)}, {span(at - seen.now)} from now" for what, at in ahead.items())
    yield CheckFinding(
        "clock",
        said or "; ".join(_of_worker(seen)),
        "compare this machine's clock with the others' (`timedatectl`, NTP); if a `habitue tick --at` was ahead, ticks"
        " wait until then: `habitue admin clock` says what can be taken back",
    )


def _instants(seen: Installation) -> dict[str, int]:
    found = {f"the heartbeat of worker {worker.name}": int(worker.seen_at) for worker in seen.store.workers}
    if seen.store.ticks:
        found["the last tick"] = seen.store.ticks[0].at
    changed = seen.connection.execute(_NEWEST_CHANGE).scalar()
    if changed is not None:
        found["the newest change of a message"] = int(changed)
    return found


def _of_worker(seen: Installation) -> Iterator[str]:
    for worker in seen.alive:
        for notice in worker.notices:
            if notice.kind is NoticeKind.CLOCK:
                yield f"worker {worker.name}: {notice.message}"
