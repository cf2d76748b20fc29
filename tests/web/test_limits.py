"""A flood of requests, and callers who take their time, meet limits; delivery keeps its share of the store."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import pytest
from starlette.requests import Request

from engine.web.body import BodyRefused, read_body
from engine.web.store_threads import Overloaded, StoreThreads


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What calls of the store wait for, until the end of the test at the latest."""
    event = threading.Event()
    yield event
    event.set()


def lived(
    story: Callable[[StoreThreads], Awaitable[None]], *, threads: int = 2, waiting: int = 3, patience: float = 60
) -> None:
    store = StoreThreads(threads, waiting, patience)

    async def live() -> None:
        await story(store)

    try:
        asyncio.run(live())
    finally:
        store.close()


def test_so_many_use_the_store_at_once_so_many_wait_and_others_come_back(gate: threading.Event) -> None:
    lock, at_once, most = threading.Lock(), 0, 0

    def call() -> int:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        gate.wait()
        with lock:
            at_once -= 1
        return 1

    async def story(store: StoreThreads) -> None:
        calls = [asyncio.create_task(store.run(call)) for _ in range(9)]
        for _ in range(5):
            await asyncio.sleep(0)
        refused = [one for one in calls if one.done() and isinstance(one.exception(), Overloaded)]
        assert len(refused) == 4
        gate.set()
        assert sum([await one for one in calls if one not in refused]) == 5
        assert await store.run(lambda: 7) == 7, "there is room again"

    lived(story)
    assert most <= 2


def test_nobody_waits_longer_than_a_provider_would(gate: threading.Event) -> None:
    async def story(store: StoreThreads) -> None:
        with pytest.raises(Overloaded):
            await store.run(gate.wait)
        gate.set()

    lived(story, patience=0.01)


def test_what_a_call_raises_reaches_who_asked() -> None:
    async def story(store: StoreThreads) -> None:
        with pytest.raises(ZeroDivisionError):
            await store.run(lambda: 1 // 0)

    lived(story)


def body(*messages: Mapping[str, Any], headers: Mapping[str, str] | None = None, slowest: float = 60) -> bytes:
    """Read a body of at most ten octets from what arrives; after the last message nothing comes any more."""
    arriving = list(messages)

    async def receive() -> Mapping[str, Any]:
        if not arriving:
            await asyncio.Event().wait()
        return arriving.pop(0)

    named = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    request = Request({"type": "http", "method": "POST", "headers": named}, receive)  # type: ignore[arg-type]
    return asyncio.run(read_body(request, 10, slowest))


def part(octets: bytes, *, more: bool = True) -> dict[str, object]:
    return {"type": "http.request", "body": octets, "more_body": more}


def test_a_body_arrives_in_parts() -> None:
    assert body(part(b"12345"), part(b"67890", more=False)) == b"1234567890"


@pytest.mark.parametrize(
    ("messages", "headers", "status"),
    [
        ([], {"content-length": "11"}, 413),
        ([part(b"12345"), part(b"678901", more=False)], {}, 413),
        ([part(b"12345"), {"type": "http.disconnect"}], {}, 400),
    ],
    ids=["too long by its length", "too long in fact", "cut off"],
)
def test_a_body_beyond_the_limits_is_refused(
    messages: list[dict[str, object]], headers: dict[str, str], status: int
) -> None:
    with pytest.raises(BodyRefused) as refused:
        body(*messages, headers=headers)
    assert refused.value.status == status


def test_a_body_that_does_not_end_is_refused() -> None:
    with pytest.raises(BodyRefused, match=r"took longer than 0\.01 seconds") as refused:
        body(part(b"12345"), slowest=0.01)
    assert refused.value.status == 408
