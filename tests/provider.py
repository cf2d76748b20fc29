"""A scripted provider, which records the messages that it was given."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from adapters.base import Answer, Message, Outcome

ACCEPT = Answer(Outcome.ACCEPTED, "", "2.0.0 queued", "ref-1")


@dataclass
class Provider:
    """A scripted adapter: ``script`` is asked for each message; without one it accepts everything."""

    channel: str = "email"
    name: str = "scripted"
    payload: type = object
    concurrency: int = 4
    platforms: frozenset[str] = frozenset()
    """Of the devices that it serves; empty if it serves any."""
    script: Callable[[Message], Answer] | None = None
    sent: list[Message] = field(default_factory=list)
    opened: int = 0
    hang: Callable[[Message], bool] | None = None
    """Messages for which ``send`` never returns, as if the provider were gone."""
    answers_after: asyncio.Event | None = None
    """What has to happen before it answers."""

    async def __aenter__(self) -> Self:
        self.opened += 1
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.opened -= 1

    async def send(self, message: Message) -> Answer:
        await asyncio.sleep(0)
        self.sent.append(message)
        if self.hang and self.hang(message):
            await asyncio.Event().wait()
        if self.answers_after:
            await self.answers_after.wait()
        return self.script(message) if self.script else ACCEPT

    @property
    def recipients(self) -> list[str]:
        return [message.recipient for message in self.sent]
