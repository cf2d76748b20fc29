"""An event loop whose time passes at once: who sleeps is woken at the right time of its clock, and nobody waits for it."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any


class _Selector(selectors.DefaultSelector):
    """Lets time pass instead of waiting for it, once nothing else is to be done."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(None if timeout is None else 0)
        if timeout and not ready:
            self.now += timeout
        return ready


class ScriptedLoop(asyncio.SelectorEventLoop):
    """Its time begins at 0, and only sleeping lets it pass."""

    def __init__(self) -> None:
        self.selector = _Selector()
        super().__init__(self.selector)

    def time(self) -> float:
        return self.selector.now


def live(story: Coroutine[Any, Any, None]) -> None:
    """Run ``story`` to its end, at once."""
    with asyncio.Runner(loop_factory=ScriptedLoop) as runner:
        runner.run(story)
