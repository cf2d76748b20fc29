"""Ticks that fail or hang."""

from collections.abc import Iterator
from itertools import takewhile

from engine.clock import HOUR, iso
from engine.content.values import span
from engine.explain.checks.base import CheckFinding, Installation, several
from engine.explain.notices import NoticeKind

HANGS_AFTER = HOUR
"""A tick that runs for longer than this, without a sweep that gets on, is thought to hang."""


def tick_failed(seen: Installation) -> Iterator[CheckFinding]:
    """The newest tick that ended failed, or a worker cannot even begin one. A later tick makes up for earlier ones."""
    ended = [tick for tick in seen.store.ticks if tick.milliseconds is not None]
    failed = list(takewhile(lambda tick: tick.error, ended))
    if failed:
        which = "tick" if len(failed) == 1 else f"{several(len(failed), 'tick')}"
        yield CheckFinding(
            "ticks",
            f"the last {which} had problems; the one at {iso(failed[0].at)}: {failed[0].error}",
            "the worker's log says more; `habitue tick` tries again at once",
        )
    for worker in seen.alive:
        for notice in worker.notices:
            if notice.kind is NoticeKind.TICK:
                yield CheckFinding(
                    f"worker {worker.name}",
                    f"its last run failed: {notice.message}",
                    "mend what it names; it tries again at its next tick",
                )


def tick_hangs(seen: Installation) -> Iterator[CheckFinding]:
    """The newest tick neither ends nor gets anywhere, though its worker may be alive."""
    newest = seen.store.ticks[0] if seen.store.ticks else None
    if newest is None or newest.milliseconds is not None or seen.store.sweep is not None:
        return
    ago = seen.wall - newest.started_at
    if ago > HANGS_AFTER:
        yield CheckFinding(
            "ticks",
            f"the newest tick began {span(ago)} ago and has not ended: it hangs, or its worker died",
            "restart the worker: what was not committed is done again",
        )
