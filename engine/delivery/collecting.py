"""The cyclic garbage collector while delivery runs."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_ALLOCATIONS = 50_000
"""How many more objects there have to be before the collector looks through the newest; Python's default is 700."""


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Look for cycles less often: messages have none, and are freed without it, by reference counting.

    By default the collector takes several percent of the time, because messages live just long enough to be looked through
    two or three times.
    """
    usual = gc.get_threshold()
    gc.set_threshold(_ALLOCATIONS, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
