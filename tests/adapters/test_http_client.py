"""What adapters over HTTP share: what a failure of the network means depends on whether the request had departed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from adapters.base import Answer, Outcome
from adapters.http.client import HttpClient, Reply
from adapters.http.options import HttpOptions, secure_url
from adapters.http.outcomes import by_status
from tests.adapters.fake_http import FakeHttp, HangUp, Request, Response, Script, Silence, fake_http

NOWHERE = "http://127.0.0.1:9"
"""The port of the discard service, which nothing listens to."""


def ask(
    script: Script, work: Callable[[HttpClient, FakeHttp], Awaitable[object]], answer_timeout: float = 5
) -> tuple[object, FakeHttp]:
    async def run() -> tuple[object, FakeHttp]:
        async with fake_http(script) as fake, HttpClient(HttpOptions(answer_timeout=answer_timeout)) as client:
            return await work(client, fake), fake

    return asyncio.run(run())


def fine(_: Request) -> Response:
    return Response(201, {"id": 7})


def test_a_request_arrives_as_it_was_sent() -> None:
    reply, fake = ask(fine, lambda client, fake: client.post(f"{fake.url}/a?b=c", b"body", {"x-key": "k"}))
    assert isinstance(reply, Reply)
    assert (reply.status, reply.json()) == (201, {"id": 7})
    (request,) = fake.requests
    assert (request.method, request.path, request.query, request.body) == ("POST", "/a", {"b": "c"}, b"body")
    assert request.headers["x-key"] == "k"


def test_a_request_by_get_has_its_url_alone() -> None:
    departed: list[int] = []
    reply, fake = ask(
        fine,
        lambda client, fake: client.get(
            f"{fake.url}/a?b=%25d%20e", {"x-key": "k"}, lambda: departed.append(len(fake.requests))
        ),
    )
    assert isinstance(reply, Reply)
    (request,) = fake.requests
    assert (request.method, request.target, request.body) == ("GET", "/a?b=%25d%20e", b"")
    assert request.headers["x-key"] == "k"
    assert departed == [0]


def test_by_get_too_after_the_departure_it_is_not_known_whether_it_was_sent() -> None:
    answer, _ = ask(lambda _: HangUp(), lambda client, fake: client.get(fake.url, {}))
    assert isinstance(answer, Answer)
    assert answer.outcome is Outcome.UNKNOWN


def test_connections_are_used_again() -> None:
    async def thrice(client: HttpClient, fake: FakeHttp) -> None:
        for _ in range(3):
            await client.post(fake.url, b"", {})

    _, fake = ask(fine, thrice)
    assert (len(fake.requests), fake.connections) == (3, 1)


@pytest.mark.parametrize("script", [lambda _: Silence(), lambda _: HangUp()], ids=["silent", "hangs up"])
def test_after_the_departure_it_is_not_known_whether_it_was_sent(script: Script) -> None:
    departed: list[int] = []
    answer, _ = ask(
        script,
        lambda client, fake: client.post(fake.url, b"x", {}, lambda: departed.append(len(fake.requests))),
        answer_timeout=0.2,
    )
    assert isinstance(answer, Answer)
    assert answer.outcome is Outcome.UNKNOWN
    assert departed == [0]  # before the request was complete


@pytest.mark.parametrize("body", [b"", b"x"])
def test_what_may_not_depart_never_becomes_complete(body: bytes) -> None:
    def too_late() -> None:
        raise TimeoutError

    async def refused(client: HttpClient, fake: FakeHttp) -> object:
        with pytest.raises(TimeoutError):
            await client.post(fake.url, body, {}, too_late)
        return await client.post(fake.url, b"next", {})

    reply, fake = ask(fine, refused)
    assert isinstance(reply, Reply)
    assert [request.body for request in fake.requests] == [b"next"]


def test_a_provider_that_is_not_there_is_down() -> None:
    departed: list[bool] = []

    async def run() -> Reply | Answer:
        async with HttpClient(HttpOptions()) as client:
            return await client.post(NOWHERE, b"x", {}, lambda: departed.append(True))

    answer = asyncio.run(run())
    assert isinstance(answer, Answer)
    assert (answer.outcome, answer.reason, departed) == (Outcome.ADAPTER_DOWN, "connection_failed", [])


def test_a_server_that_does_not_speak_tls_is_down() -> None:
    def work(client: HttpClient, fake: FakeHttp) -> Awaitable[object]:
        return client.post(fake.url.replace("http:", "https:"), b"x", {})

    answer, fake = ask(fine, work)
    assert isinstance(answer, Answer)
    assert (answer.outcome, fake.requests) == (Outcome.ADAPTER_DOWN, [])


def test_nothing_of_a_request_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    ask(
        fine, lambda client, fake: client.post(f"{fake.url}/token-in-path", b"secret-body", {"authorization": "secret"})
    )
    assert "secret" not in caplog.text
    assert "token-in-path" not in caplog.text


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (400, Outcome.REJECTED),
        (401, Outcome.ADAPTER_DOWN),
        (403, Outcome.SENDING_REFUSED),
        (404, Outcome.REJECTED),
        (408, Outcome.RETRY),
        (429, Outcome.SENDING_REFUSED),
        (500, Outcome.SENDING_REFUSED),
        (502, Outcome.UNKNOWN),
        (503, Outcome.SENDING_REFUSED),
        (504, Outcome.UNKNOWN),
        (304, Outcome.UNKNOWN),
    ],
)
def test_a_status_code_has_a_meaning(status: int, outcome: Outcome) -> None:
    answer = by_status(Reply(status, {}, b""))
    assert answer.outcome is outcome
    assert answer.reason
    assert str(status) in answer.detail


@pytest.mark.parametrize("url", ["https://api.example.com", "http://127.0.0.1:8080/a", "http://localhost"])
def test_urls_that_are_good(url: str) -> None:
    assert secure_url(f"{url}/") == url


@pytest.mark.parametrize("url", ["http://api.example.com", "api.example.com", "ftp://localhost", ""])
def test_urls_that_are_not(url: str) -> None:
    with pytest.raises(ValueError, match=r"write .*https:"):
        secure_url(url)
