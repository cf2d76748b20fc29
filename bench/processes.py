"""Other processes of a benchmark: workers that tick, on a store that several of them may share."""

import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier

import structlog

from bench.population import NOW, app_of, brand_content
from engine.settings import ScheduleSettings
from engine.store.sweep import current_sweep

_SPAWN = get_context("spawn")
# Standard output has JSON lines alone; workers beside each other warn of transactions that were repeated.
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))


def barrier(parties: int) -> Barrier:
    """Return a barrier for processes: they start together, when each has loaded what it needs; or not at all."""
    return _SPAWN.Barrier(parties, timeout=300)


def start(work: Callable[..., object], *given: object) -> BaseProcess:
    """Start a process that does ``work(*given)``, a module-level function."""
    process = _SPAWN.Process(target=work, args=given)
    process.start()
    return process


USUAL_THREADS = ScheduleSettings().sweep_threads
"""Threads of a worker in a sweep, unless settings say otherwise."""


def finish(processes: Sequence[BaseProcess]) -> None:
    """Wait for ``processes``; end the program if one of them failed, which has said why."""
    for process in processes:
        process.join()
    if failed := [process.exitcode for process in processes if process.exitcode]:
        raise SystemExit(f"{len(failed)} of {len(processes)} processes failed")


def work_off_sweep(url: str, ready: Barrier, threads: int = USUAL_THREADS) -> None:
    """Tick until the open sweep is over."""
    content = brand_content(playbooks=False)
    with closing(app_of(url, schedule=ScheduleSettings(sweep_threads=threads))) as app:
        app.pipeline(content)
        ready.wait()
        while True:
            app.tick(content, NOW)
            with app.database.read() as connection:
                if current_sweep(connection) is None:
                    return


def counts() -> "SimpleQueue[tuple[str, int]]":
    """Return a queue in which processes tell how often they did what."""
    return _SPAWN.SimpleQueue()
