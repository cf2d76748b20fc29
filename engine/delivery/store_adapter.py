"""Adapters of the program itself, for channels whose messages stay in the store until somebody fetches them.

The composition root gives them the store; nothing else tells them from a provider's. A message is accepted once its row
is committed. A key that is there already is not written again, so that a repetition changes nothing.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Self

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from adapters.base import Answer, Message, Outcome
from adapters.reasons import AnswerReason
from engine.errors import StoreError
from engine.settings import Settings
from engine.store.data_errors import is_data_error
from engine.store.database import Database

NOBODY = AnswerReason("recipient_unknown", "There is no user with this key in the store.")
STORE_DOWN = AnswerReason("store_unavailable", "The store cannot be used at the moment.")
UNSTORABLE = AnswerReason("content_unstorable", "The store cannot hold a value of this message.")
STORE_REASONS = (NOBODY, STORE_DOWN, UNSTORABLE)
"""The reasons of all such adapters."""

_Waiting = tuple[Message, "asyncio.Future[Answer]"]


class StoreAdapter(ABC):
    """Writes messages to the store; those that come at the same time in one transaction."""

    channel: str | None
    payload: type
    concurrency = 100

    def __init__(self, name: str) -> None:
        self.name = name
        self._database: Database | None = None
        self._waiting: list[_Waiting] = []
        self._writer: asyncio.Task[None] | None = None

    def use(self, database: Database, settings: Settings) -> None:
        """Keep messages in ``database``, as ``settings`` say; called once, before the adapter is opened."""
        self._database = database

    @abstractmethod
    def keep(self, connection: Connection, messages: Sequence[Message]) -> frozenset[str]:
        """Write the rows of ``messages``, of different keys; return the keys that have one now.

        The others are for users who do not exist.
        """

    async def __aenter__(self) -> Self:
        """Check that there is a store."""
        assert self._database is not None, f"the adapter `{self.name}` was given no store"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the last transaction."""
        writer, self._writer = self._writer, None  # it is this event loop's; the next may be another
        if writer is not None:
            await asyncio.wait([writer])

    async def send(self, message: Message) -> Answer:
        """Keep one message; the answer comes when it is committed."""
        written: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((message, written))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        return await written

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                answers = await asyncio.to_thread(self._answers, {message.key: message for message, _ in batch})
            except Exception as error:  # noqa: BLE001 - a bug: raised to those who wait
                for _, written in batch:
                    if not written.done():
                        written.set_exception(error)
                continue
            for message, written in batch:
                if not written.done():
                    written.set_result(answers[message.key])

    def _answers(self, messages: Mapping[str, Message]) -> Mapping[str, Answer]:
        assert self._database is not None
        try:
            kept = self._database.in_transaction(partial(self.keep, messages=[*messages.values()]))
        except (StoreError, DBAPIError) as error:
            if not is_data_error(error):
                return dict.fromkeys(messages, _answer(Outcome.ADAPTER_DOWN, STORE_DOWN))
            if len(messages) == 1:
                return dict.fromkeys(messages, _answer(Outcome.REJECTED, UNSTORABLE))
            return {key: answer for one in messages for key, answer in self._answers({one: messages[one]}).items()}
        accepted = {key: Answer(Outcome.ACCEPTED, reference=key) for key in kept}
        return {**dict.fromkeys(messages, _answer(Outcome.REJECTED, NOBODY)), **accepted}


def _answer(outcome: Outcome, reason: AnswerReason) -> Answer:
    return Answer(outcome, reason.value, reason.sentence)
