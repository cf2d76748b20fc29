"""Pigeon's API and its calls, as Pigeon's own pages would describe them. It uses nothing of the adapter."""

import asyncio
import hmac
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, cast

from tests.adapters.emails import SECRET
from tests.adapters.fake_http import HangUp, Request, Response, Script, Silence, fake_http

SENDER = "MAISON"
CALLS = "a-secret-for-calls"
Answered = Response | Silence | HangUp


def refusal(status: int, code: int, said: str = "no") -> Response:
    return Response(status, {"code": code, "message": said})


@dataclass
class PigeonApi:
    """Takes texts, after it has given the answers in ``first``. A key that it has seen gets the same id again."""

    first: list[Answered] = field(default_factory=list)
    texts: dict[str, dict[str, str]] = field(default_factory=dict)
    """Idempotency key -> the text."""
    tags: list[str] = field(default_factory=list)
    """Of all requests, also of those that were not taken."""

    def __call__(self, request: Request) -> Answered:
        if request.headers.get("authorization") != f"Bearer {SECRET}":
            return refusal(401, 2005, "who are you?")
        assert (request.method, request.path) == ("POST", "/v2/messages")
        text = cast("dict[str, str]", request.json)
        self.tags.append(text["tag"])
        if self.first:
            return self.first.pop(0)
        key = request.headers["idempotency-key"]
        self.texts.setdefault(key, text)
        return Response(202, {"id": self.id_of(key)})

    def id_of(self, key: str) -> str:
        return f"pg_{[*self.texts].index(key)}"


def call(events: Sequence[dict[str, Any]], at: int, secret: str = CALLS) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of a call that Pigeon makes at this instant, in milliseconds."""
    body, stamp = json.dumps({"events": events}).encode(), str(at // 1_000)
    mac = hmac.new(secret.encode(), f"{stamp}.".encode() + body, sha256).hexdigest()
    return {"X-Pigeon-Timestamp": stamp, "X-Pigeon-Signature": mac}, body


@contextmanager
def running(script: Script) -> Iterator[str]:
    """Serve from a thread, for a program that has an event loop of its own; yield the URL."""
    ready, urls = threading.Event(), []
    loop, over = asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        async with fake_http(script) as fake:
            urls.append(fake.url)
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        assert ready.wait(10)
        yield urls[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()
