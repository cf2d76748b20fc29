"""Work at regular intervals, measured by the event loop's clock: whoever sets the machine's clock moves no turn."""

import asyncio
import math
from collections.abc import Awaitable, Callable


async def every(
    seconds: float, work: Callable[[], Awaitable[None]], stop: asyncio.Event, *, first: float = 0.0
) -> None:
    """Do ``work`` every ``seconds``, from one start to the next, until told to stop; ``first`` seconds from now at first.

    Turns that come while the work is still being done are skipped.
    """
    loop = asyncio.get_running_loop()
    turn = loop.time() + first
    while not await stopped(stop, turn - loop.time()):
        await work()
        turn += seconds * max(1, math.ceil((loop.time() - turn) / seconds))


async def stopped(stop: asyncio.Event, seconds: float) -> bool:
    """Wait for this long, or until told to stop; return whether that was so."""
    if stop.is_set():
        return True
    try:
        await asyncio.wait_for(stop.wait(), max(0.0, seconds))
    except TimeoutError:
        return False
    return True
