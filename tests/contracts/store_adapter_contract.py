"""The contract of adapters that keep messages in the store, on both databases. Subclass it, say what the rows are."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from adapters.base import Answer, Message, Outcome
from engine.channels.base import channel_addresses
from engine.clock import Instant
from engine.delivery.store_adapter import StoreAdapter
from engine.errors import StoreNameError
from engine.intake.rows.model import UserRow
from engine.intake.write.users import write_users
from engine.kinds import SHIPPED
from engine.settings import Settings
from engine.store.database import Database
from engine.store.state_table import migrate
from tests.adapters.emails import AT
from tests.contracts.adapter_contract import AdapterContract, Bench

Repair = Callable[[Database], None]


@dataclass
class Kept:
    adapter: StoreAdapter
    database: Database
    read: Callable[[Connection], list[Any]]

    def arrived(self) -> Sequence[object]:
        try:
            with self.database.read() as connection:
                return self.read(connection)
        except StoreNameError:  # there are no tables
            return []


def add_user(database: Database, key: str) -> None:
    with database.write() as connection:
        rows = [UserRow(key=key, created_at=Instant(AT))]
        write_users(connection, database.dialect, rows, Instant(AT), channel_addresses(SHIPPED.channels))


class StoreAdapterContract(AdapterContract):
    url: str
    empty_url: str

    @pytest.fixture(autouse=True)
    def _databases(self, database_url: str, tmp_path: Path) -> None:
        self.url, self.empty_url = database_url, f"sqlite:///{tmp_path}/empty.db"

    def made(self) -> StoreAdapter:
        """Return the adapter, without a store."""
        raise NotImplementedError

    def read(self, connection: Connection) -> list[Any]:
        """Return the payloads of the rows, in the order of their ids."""
        raise NotImplementedError

    @asynccontextmanager
    async def opened(self, url: str, repair: Repair | None = None) -> AsyncIterator[Bench]:
        """Open the adapter on the store at ``url``; after the first message, ``repair`` mends the store."""
        with closing(Database(url)) as database:
            adapter = self.made()
            adapter.use(database, Settings())
            send = adapter.send

            async def first(message: Message) -> Answer:
                answer = await send(message)
                assert repair is not None
                repair(database)
                adapter.send = send  # type: ignore[method-assign]
                return answer

            if repair is not None:
                adapter.send = first  # type: ignore[method-assign]
            async with adapter:
                yield Kept(adapter, database, self.read)

    def working(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        with closing(Database(self.url)) as database:
            add_user(database, self.channel.sample)
        return self.opened(self.url)

    def unreachable(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        return self.opened(self.empty_url)

    def failing(self, folder: Path, outcome: Outcome) -> AbstractAsyncContextManager[Bench] | None:
        def tables_and_user(database: Database) -> None:
            migrate(database)
            add_user(database, self.channel.sample)

        def user(database: Database) -> None:
            add_user(database, self.channel.sample)

        if outcome is Outcome.ADAPTER_DOWN:
            return self.opened(self.empty_url, tables_and_user)
        return self.opened(self.url, user) if outcome is Outcome.REJECTED else None

    def silent(self, folder: Path) -> None:
        return None

    def test_is_opened_again_in_another_event_loop(self, tmp_path: Path) -> None:
        with closing(Database(self.url)) as database:
            add_user(database, self.channel.sample)
            adapter = self.made()
            adapter.use(database, Settings())

            async def run(numbers: Sequence[int]) -> None:
                async with adapter:
                    for number in numbers:
                        assert (await adapter.send(self.message(number))).outcome is Outcome.ACCEPTED

            for numbers in ([1], [], [2]):
                asyncio.run(run(numbers))
            with database.read() as connection:
                assert self.read(connection) == [self.payload(1), self.payload(2)]
