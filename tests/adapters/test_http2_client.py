"""Over HTTP/2 many requests share a connection: departures, and what the end of a stream or a connection means for each."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
from h2.errors import ErrorCodes

from adapters.base import Answer, Outcome
from adapters.http.client import HttpClient, Reply
from adapters.http.options import HttpOptions
from tests.adapters.fake_http import HangUp, Request, Response, Silence
from tests.adapters.fake_http2 import FakeHttp2, Garbage, GoAway, Reset, Said2, Script2, fake_http2

Ask = Callable[[HttpClient, FakeHttp2], Awaitable[None]]


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., FakeHttp2]:
    """Do something with a client of a server that follows a script."""

    def asked(script: Script2, work: Ask, answer_timeout: float = 5, timeout: float = 10, **settings: int) -> FakeHttp2:
        async def run() -> FakeHttp2:
            async with fake_http2(script, tmp_path, **settings) as fake:
                options = HttpOptions(ca_file=tmp_path / "ca.pem", timeout=timeout, answer_timeout=answer_timeout)
                async with HttpClient(options, http2=True) as client:
                    await work(client, fake)
            return fake

        return asyncio.run(run())

    return asked


def fine(_: Request) -> Response:
    return Response(200, {"id": 7})


def once(said: Said2, path: str = "/") -> Script2:
    """Say ``said`` to the first request to ``path``, and yes to all others."""
    left = [said]
    return lambda request: left.pop() if left and request.path == path else Response(200)


async def many(client: HttpClient, fake: FakeHttp2, count: int) -> list[Reply | Answer]:
    return list(await asyncio.gather(*(client.post(f"{fake.url}/{number}", b"x", {}) for number in range(count))))


def outcomes(got: list[Reply | Answer]) -> Counter[object]:
    return Counter(one.status if isinstance(one, Reply) else one.outcome for one in got)


def test_a_request_arrives_as_it_was_sent(ask: Callable[..., FakeHttp2]) -> None:
    async def work(client: HttpClient, fake: FakeHttp2) -> None:
        reply = await client.post(f"{fake.url}/a?b=c", b"body", {"x-key": "k"})
        assert isinstance(reply, Reply)
        assert (reply.status, reply.json()) == (200, {"id": 7})

    (request,) = ask(fine, work).requests
    assert (request.method, request.path, request.query, request.body) == ("POST", "/a", {"b": "c"}, b"body")
    assert request.headers["x-key"] == "k"


@pytest.mark.parametrize("limit", [1, 7, 1_000])
def test_many_requests_share_a_connection_within_its_limit(ask: Callable[..., FakeHttp2], limit: int) -> None:
    departed: list[int] = []

    async def work(client: HttpClient, fake: FakeHttp2) -> None:
        asked = (client.post(fake.url, b"x", {}, lambda: departed.append(len(fake.requests))) for _ in range(60))
        assert outcomes(list(await asyncio.gather(*asked))) == {200: 60}

    fake = ask(fine, work, max_streams=limit)
    assert (len(fake.requests), fake.connections, len(departed)) == (60, 1, 60)
    assert max(fake.streams) <= limit
    assert all(arrived <= index for index, arrived in enumerate(departed))


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (Reset(ErrorCodes.REFUSED_STREAM), Outcome.RETRY),
        (Reset(ErrorCodes.INTERNAL_ERROR), Outcome.UNKNOWN),
        (Reset(ErrorCodes.CANCEL), Outcome.UNKNOWN),
        (GoAway(last=0), Outcome.RETRY),
        (GoAway(), Outcome.UNKNOWN),
        (Garbage(), Outcome.UNKNOWN),
        (HangUp(), Outcome.UNKNOWN),
        (Silence(), Outcome.UNKNOWN),
    ],
    ids=repr,
)
def test_what_the_server_did_not_look_at_was_not_sent(
    ask: Callable[..., FakeHttp2], said: Said2, outcome: Outcome
) -> None:
    departed: list[bool] = []

    async def work(client: HttpClient, fake: FakeHttp2) -> None:
        answer = await client.post(fake.url, b"x", {}, lambda: departed.append(True))
        assert isinstance(answer, Answer)
        assert answer.outcome is outcome
        assert isinstance(await client.post(f"{fake.url}/next", b"x", {}), Reply)

    ask(once(said), work, answer_timeout=0.2)
    assert departed == [True]


def test_what_was_behind_the_last_stream_goes_out_again_on_another_connection(ask: Callable[..., FakeHttp2]) -> None:
    departed: list[int] = []

    async def work(client: HttpClient, fake: FakeHttp2) -> None:
        await client.post(f"{fake.url}/first", b"x", {})
        fake.hold = 21
        asked = (client.post(f"{fake.url}/{n}", b"x", {}, partial(departed.append, n)) for n in range(20))
        got = list(await asyncio.gather(*asked))
        assert outcomes(got) == {200: 19, Outcome.UNKNOWN: 1}
        assert isinstance(got[4], Answer)

    fake = ask(once(GoAway(), "/4"), work)
    assert fake.connections == 2
    assert sorted(departed) == list(range(20))  # each once


def test_a_connection_that_breaks_leaves_all_its_requests_in_doubt(ask: Callable[..., FakeHttp2]) -> None:
    async def work(client: HttpClient, fake: FakeHttp2) -> None:
        await client.post(f"{fake.url}/first", b"x", {})
        fake.hold = 21
        assert outcomes(await many(client, fake, 20)) == {Outcome.UNKNOWN: 20}
        assert outcomes(await many(client, fake, 20)) == {200: 20}

    assert ask(once(HangUp(), "/0"), work).connections == 2


def test_one_request_without_an_answer_ends_although_others_get_theirs(ask: Callable[..., FakeHttp2]) -> None:
    async def work(client: HttpClient, fake: FakeHttp2) -> None:
        silent = asyncio.create_task(client.post(f"{fake.url}/silent", b"x", {}))
        while not silent.done():
            assert isinstance(await client.post(f"{fake.url}/other", b"x", {}), Reply)
        answer = await silent
        assert isinstance(answer, Answer)
        assert (answer.outcome, answer.reason) == (Outcome.UNKNOWN, "timeout")

    fake = ask(lambda one: Silence() if one.path == "/silent" else Response(), work, answer_timeout=2, timeout=1)
    assert fake.connections == 1


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("steps", [*range(20), 25, 30, 40, 50])
def test_a_request_that_is_cancelled_harms_no_other(ask: Callable[..., FakeHttp2], warm: bool, steps: int) -> None:
    async def work(client: HttpClient, fake: FakeHttp2) -> None:
        if warm:
            await client.post(f"{fake.url}/first", b"x", {})
        asked = [asyncio.create_task(client.post(f"{fake.url}/{n}", b"x", {})) for n in range(10)]
        for _ in range(steps):
            await asyncio.sleep(0)
        cancelled = [task for task in (asked[0], asked[3]) if task.cancel()]
        await asyncio.wait(asked)
        assert all(task.cancelled() for task in cancelled)
        assert outcomes([task.result() for task in asked if task not in cancelled]) == {200: 10 - len(cancelled)}

    fake = ask(fine, work)
    assert fake.connections == 1


def test_a_request_that_is_cancelled_before_it_departs_does_not(ask: Callable[..., FakeHttp2]) -> None:
    departed: list[int] = []

    async def work(client: HttpClient, fake: FakeHttp2) -> None:
        cancelled = asyncio.create_task(client.post(f"{fake.url}/0", b"x", {}, lambda: departed.append(0)))
        await asyncio.sleep(0)
        cancelled.cancel()
        await client.post(f"{fake.url}/1", b"x", {}, lambda: departed.append(1))
        assert cancelled.cancelled()

    fake = ask(fine, work)
    assert departed == [1]
    assert [request.path for request in fake.requests] == ["/1"]


def test_what_may_not_depart_takes_no_place_on_the_connection(ask: Callable[..., FakeHttp2]) -> None:
    def too_late() -> None:
        raise TimeoutError

    async def work(client: HttpClient, fake: FakeHttp2) -> None:
        await client.post(f"{fake.url}/first", b"x", {})
        for _ in range(20):
            with pytest.raises(TimeoutError):
                await client.post(fake.url, b"x", {}, too_late)
        assert isinstance(await client.post(f"{fake.url}/next", b"x", {}), Reply)

    fake = ask(fine, work, max_streams=3)
    assert [request.path for request in fake.requests] == ["/first", "/next"]
    assert fake.connections == 1


def test_a_server_that_leaves_too_many_requests_without_an_answer_is_down(ask: Callable[..., FakeHttp2]) -> None:
    arrived = asyncio.Event()

    def silent(request: Request) -> Response | Silence:
        if request.path != "/silent":
            return Response()
        arrived.set()
        return Silence()

    async def work(client: HttpClient, fake: FakeHttp2) -> None:
        await client.post(f"{fake.url}/first", b"x", {})
        for _ in range(3):
            asked = asyncio.create_task(client.post(f"{fake.url}/silent", b"x", {}))
            await arrived.wait()
            arrived.clear()
            asked.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asked
        answer = await client.post(f"{fake.url}/next", b"x", {})
        assert isinstance(answer, Answer)
        assert (answer.outcome, answer.reason) == (Outcome.ADAPTER_DOWN, "disconnected")

    fake = ask(silent, work, max_streams=3)
    assert len(fake.requests) == 4


def test_a_server_that_does_not_speak_http2_is_an_answer(tmp_path: Path) -> None:
    async def run() -> Reply | Answer:
        async def hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(hello, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server, HttpClient(HttpOptions(), http2=True) as client:
            return await client.post(url, b"x", {})

    answer = asyncio.run(run())
    assert isinstance(answer, Answer)
    assert answer.outcome in (Outcome.UNKNOWN, Outcome.RETRY)
