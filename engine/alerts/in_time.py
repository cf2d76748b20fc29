"""Waiting for work that may never end, such as a service that does not answer: only for so long."""

import asyncio
import contextlib
import threading
from collections.abc import Callable

from engine.faults import trail


class OutOfTime(Exception):
    """The work has not ended in time; its thread may still be at it."""


class SendingFailed(Exception):
    """The work raised an exception; this is its type and place, without its text."""


async def in_time(work: Callable[[], bool], seconds: float, stop: asyncio.Event) -> bool:
    """Do ``work`` in a thread of its own, which keeps no process from ending; return its result.

    Raises:
        OutOfTime: it takes longer than ``seconds``, or the process is to stop.
        SendingFailed: it raised an exception.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[bool] = loop.create_future()

    def finish(done: bool | None, error: str) -> None:
        if result.done():
            return
        if done is None:
            result.set_exception(SendingFailed(error))
        else:
            result.set_result(done)

    def run() -> None:
        done, error = None, ""
        try:
            done = work()
        except Exception as raised:  # noqa: BLE001 - whatever a service's code does, the worker goes on
            error = trail(raised)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(finish, done, error)

    threading.Thread(target=run, name="alert", daemon=True).start()
    stopping = asyncio.create_task(stop.wait())
    ends: set[asyncio.Future[bool]] = {result, stopping}  # type: ignore[arg-type]
    try:
        await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
    if not result.done():
        result.cancel()
        raise OutOfTime
    return result.result()
