"""What all benchmarks share: the command line, interleaved medians, peak memory, the JSON line."""

import argparse
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

MEMORY_BAR_MB = 400
DATABASES = ("sqlite", "postgresql")

_T = TypeVar("_T")


def size_from_command_line(full: int, what: str) -> int:
    """Read ``--size``, counted in ``what``; the default is ``full``."""
    size: int = command_line(full, what).parse_args().size
    return size


def command_line(full: int, what: str) -> argparse.ArgumentParser:
    """Return a parser that knows ``--size``, counted in ``what``; the default is ``full``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=full, help=f"{what}; {full:,} at full size")
    return parser


@dataclass(frozen=True, slots=True)
class Choice:
    """What the command line asks for."""

    size: int
    database: str
    """``sqlite`` or ``postgresql``."""


def choice_from_command_line(full: int, what: str) -> Choice:
    """Read ``--size`` and ``--database``; the default is SQLite."""
    parser = command_line(full, what)
    parser.add_argument("--database", choices=DATABASES, default="sqlite", help="where the stores are")
    given = parser.parse_args()
    return Choice(given.size, given.database)


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield a temporary folder, deleted afterwards."""
    with tempfile.TemporaryDirectory(prefix="habitue-bench-") as folder:
        yield Path(folder)


def seconds(work: Callable[[], object]) -> float:
    """Run ``work`` once; return the seconds it took."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def interleaved(runs: int, *works: Callable[[], float]) -> list[float]:
    """Run all ``works`` in turn, ``runs`` times; each returns its seconds. Return the median of each."""
    taken = [[work() for work in works] for _ in range(runs)]
    return [statistics.median(times) for times in zip(*taken, strict=True)]


@dataclass(frozen=True, slots=True)
class Timing:
    """How long something took, in seconds."""

    wall: float
    cpu: float
    """CPU time of this process: more meaningful than ``wall`` on a busy machine."""


def timed(work: Callable[[], object]) -> Timing:
    """Run ``work`` once; return how long it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Timing(time.perf_counter() - wall, time.process_time() - cpu)


def interleaved_timings(runs: int, *works: Callable[[], Timing]) -> list[Timing]:
    """Run all ``works`` in turn, ``runs`` times; return the medians of each."""
    taken = [[work() for work in works] for _ in range(runs)]
    return [
        Timing(statistics.median(one.wall for one in each), statistics.median(one.cpu for one in each))
        for each in zip(*taken, strict=True)
    ]


def in_subprocess(work: Callable[..., _T], *given: object) -> _T:
    """Run ``work(*given)``, a module-level function, in another process, so that its memory is not counted as ours."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as other:
        return other.submit(work, *given).result()


def peak_mb() -> float:
    """Return the peak resident memory of this process so far, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 if sys.platform != "darwin" else 1024 * 1024)


def report(name: str, *, ratio: float, bar: float, at_most: bool, **more: float | int | str) -> bool:
    """Print the JSON line of one benchmark; return whether its ratio and its peak memory meet their bars."""
    memory = peak_mb()
    held = ratio <= bar if at_most else ratio >= bar
    fine = held and memory <= MEMORY_BAR_MB
    line = {"bench": name, "ratio": round(ratio, 3), "bar": bar, "met": fine, "peak_mb": round(memory)}
    print(json.dumps({**line, **more}), flush=True)
    return fine
