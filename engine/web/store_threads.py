"""Calls of the store, which block, on a few threads of their own: a flood of requests leaves delivery its share."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")

THREADS = 2
"""How many requests use the store at the same time."""
WAITING = 64
"""How many more may wait for a thread; others are told to come back."""
PATIENCE = 10.0
"""Seconds until a request is told to come back: providers wait no longer than 15. What it asked for may still be done."""


class Overloaded(Exception):
    """Too many requests wait for the store, or one has waited for too long: the caller should repeat it later."""


class StoreThreads:
    """Threads that call the store for requests."""

    def __init__(self, threads: int = THREADS, waiting: int = WAITING, patience: float = PATIENCE) -> None:
        """``patience`` is in seconds."""
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="web-store")
        self._most = threads + waiting
        self._patience = patience
        self._at_work = 0

    async def run(self, call: Callable[[], Result]) -> Result:
        """Return the result of ``call``.

        Raises:
            Overloaded: it was not called, or has not ended in time.
        """
        if self._at_work >= self._most:
            raise Overloaded
        self._at_work += 1
        future = asyncio.get_running_loop().run_in_executor(self._executor, call)
        future.add_done_callback(self._ended)
        done, _ = await asyncio.wait({future}, timeout=self._patience)
        if not done:
            future.add_done_callback(lambda late: late.cancelled() or late.exception())  # it is nobody's any more
            future.cancel()  # unless it has begun
            raise Overloaded
        return future.result()

    def _ended(self, _: object) -> None:
        self._at_work -= 1

    def close(self) -> None:
        """Let calls that have begun end, and drop the others."""
        self._executor.shutdown(cancel_futures=True)
