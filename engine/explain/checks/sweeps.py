"""A sweep that gets nowhere."""

from collections.abc import Iterator

from engine.clock import MINUTE
from engine.content.values import span
from engine.explain.checks.base import CheckFinding, Installation

STALLS_AFTER = 10 * MINUTE
"""Ticks reach somebody every few seconds; after this long without anybody, the sweep has stalled."""


def sweep_stalled(seen: Installation) -> Iterator[CheckFinding]:
    """A sweep is open, and nobody was reached for a while. Until it is over, no step is taken and no occasion."""
    sweep = seen.store.sweep
    if sweep is None or seen.wall - sweep.moved_at <= STALLS_AFTER:
        return
    yield CheckFinding(
        "sweep",
        f"everybody is evaluated again because {sweep.reason}, but for {span(seen.wall - sweep.moved_at)} nobody was:"
        f" {sweep.reached:,} of {sweep.total:,} users are done, and playbooks wait",
        "start a worker (`habitue run`); if one is running, its log says why its ticks fail",
    )
