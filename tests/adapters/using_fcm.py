"""An adapter that is connected to a fake FCM, and messages for it."""

import asyncio
from collections.abc import Awaitable, Callable

from adapters.base import Answer, Message, PushPayload
from adapters.fcm.adapter import FcmAdapter
from adapters.kinds import make_adapter
from adapters.registry import ADAPTERS
from tests.adapters.fake_fcm import NOW, FakeFcm, account
from tests.adapters.fake_http import FakeHttp, fake_http

TOKEN = "device:token-1"
PAYLOAD = PushPayload("Hello", "A gift")


def message(payload: PushPayload = PAYLOAD, key: str = "action-1") -> Message:
    return Message(key, "hello@example.com", TOKEN, payload, NOW - 60_000)


def use(fcm: FakeFcm, work: Callable[[FcmAdapter], Awaitable[object]], **changes: object) -> FakeHttp:
    """Do ``work`` with an adapter that is connected to ``fcm``."""

    async def run() -> FakeHttp:
        async with fake_http(fcm) as server:
            options = {"url": server.url, "service_account": account(server.url), **changes}
            adapter = make_adapter("fcm", options, ADAPTERS, fcm.now)
            assert isinstance(adapter, FcmAdapter)
            async with adapter:
                await work(adapter)
            return server

    return asyncio.run(run())


def answers(fcm: FakeFcm, *messages: Message, at_once: bool = False, **changes: object) -> list[Answer]:
    got: list[Answer] = []

    async def work(adapter: FcmAdapter) -> None:
        if at_once:
            got.extend(await asyncio.gather(*map(adapter.send, messages)))
            return
        got.extend([await adapter.send(one) for one in messages])

    use(fcm, work, **changes)
    return got


def only(fcm: FakeFcm, payload: PushPayload = PAYLOAD, **changes: object) -> Answer:
    (answer,) = answers(fcm, message(payload), at_once=False, **changes)
    return answer
