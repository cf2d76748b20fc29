"""Two workers share one sweep on PostgreSQL, compared with one worker alone.

Both begin with everything loaded and compiled, on copies of the same store; the time is that until the last worker has
nothing left to do. Each worker has one thread for it, or one worker would use all processors already. The server needs a processor, too: on a machine with two of them, two workers and their two server
processes have half of what they could use. The end states are compared row by row.
"""

import time
from functools import partial

from bench.common import command_line, in_subprocess, interleaved, report
from bench.end_states import differing_rows
from bench.placed import placed_store
from bench.processes import barrier, finish, start, work_off_sweep
from bench.stores import Stores, stores

BAR = 1.5
FULL_SIZE = 1_000_000
RUNS = 3


def main() -> bool:
    """Measure, compare, report."""
    size: int = command_line(FULL_SIZE, "users").parse_args().size
    with stores("postgresql") as kept:
        source = kept.fresh("source")
        in_subprocess(placed_store, source, size)
        kept.settle(source)
        one, two = interleaved(RUNS, partial(_sweep, kept, source, 1), partial(_sweep, kept, source, 2))
        differing = in_subprocess(differing_rows, kept.url("shared_by_1"), kept.url("shared_by_2"))
    fine = report(
        "sharing", ratio=one / two, bar=BAR, at_most=False, database="postgresql", size=size, seconds=round(two, 2),
        floor=round(one, 2), differing_rows=differing,
    )  # fmt: skip
    return fine and not differing


def _sweep(kept: Stores, source: str, workers: int) -> float:
    url = kept.copy(source, f"shared_by_{workers}")
    ready = barrier(workers + 1)
    processes = [start(work_off_sweep, url, ready, 1) for _ in range(workers)]
    ready.wait()
    begin = time.perf_counter()
    finish(processes)
    return time.perf_counter() - begin


if __name__ == "__main__":
    raise SystemExit(not main())
