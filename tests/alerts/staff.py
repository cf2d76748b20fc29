"""A service that staff read, on this machine: Apprise posts JSON to it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from engine.alerts.targets import targets_of
from engine.worker.alerting import Alerting
from tests.adapters.fake_http import FakeHttp, HangUp, Request, Response, Silence, fake_http
from tests.world import World

Story = Callable[["Staff"], Awaitable[None]]
SECRET = "sesame-secret"


@dataclass
class Staff:
    """The services that were given to a world, and what they do with the next alerts."""

    world: World
    services: list[FakeHttp]
    answers: list[Response | Silence | HangUp]

    async def look(self, *, patience: float = 30) -> None:
        """Look as a worker does that has just been started: its memory is the store's."""
        app = self.world.app
        content = self.world.content()
        await Alerting(app, targets_of(app.settings.alerts), lambda: content, patience).look(asyncio.Event())

    def told(self, service: int = 0) -> list[tuple[str, str]]:
        """Return title and text of each alert that arrived since the last call."""
        arrived = [(str(one.json["title"]), str(one.json["message"])) for one in self.services[service].requests]  # type: ignore[index]
        self.services[service].requests.clear()
        return arrived


def with_staff(world: World, story: Story, *, services: int = 1, when: Sequence[str] = ("paused",)) -> None:
    """Live ``story`` with services that take whatever comes."""
    asyncio.run(_live(world, story, services, list(when)))


async def _live(world: World, story: Story, number: int, when: list[str]) -> None:
    answers: list[Response | Silence | HangUp] = [Response() for _ in range(number)]

    def script(at: int) -> Callable[[Request], Response | Silence | HangUp]:
        return lambda _: answers[at]

    async with AsyncExitStack() as stack:
        running = [await stack.enter_async_context(fake_http(script(at))) for at in range(number)]
        urls = [f"{one.url.replace('http', 'json')}/{SECRET}?cto=1&rto=1" for one in running]
        world.configure(alerts={"urls": urls, "when": when})
        await story(Staff(world, running, answers))
