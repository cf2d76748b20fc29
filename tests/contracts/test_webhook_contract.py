"""The webhook adapter keeps the contract, with an endpoint that verifies each request by itself."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.base import Outcome, WebhookPayload
from adapters.kinds import find_kind
from adapters.registry import ADAPTERS
from adapters.webhook.adapter import WebhookAdapter
from adapters.webhook.options import WebhookOptions
from engine.channels.webhook import WEBHOOK
from tests.adapters.fake_http import FakeHttp, HangUp, Response, Script, Silence, fake_http
from tests.adapters.webhook_endpoint import NOW, SECRET, endpoint
from tests.contracts.adapter_contract import AdapterContract, Bench

FAILURES: dict[Outcome, Response | HangUp] = {
    Outcome.RETRY: Response(408),
    Outcome.REJECTED: Response(422),
    Outcome.SENDING_REFUSED: Response(429),
    Outcome.ADAPTER_DOWN: Response(410),
    Outcome.UNKNOWN: HangUp(),
}


@dataclass
class Endpoint:
    adapter: WebhookAdapter
    server: FakeHttp

    def arrived(self) -> Sequence[object]:
        read: list[Any] = [request.json for request in self.server.requests]
        return [WebhookPayload(one["type"], one["data"]) for one in read]


@asynccontextmanager
async def served(script: Script, port: str = "", **changes: object) -> AsyncIterator[Bench]:
    async with fake_http(script) as server:
        options = {"url": f"{port or server.url}/hooks", "secrets": SECRET, "connections": 3, **changes}
        async with WebhookAdapter(WebhookOptions.model_validate(options), "webhook", lambda: NOW) as adapter:
            yield Endpoint(adapter, server)


class TestWebhook(AdapterContract):
    channel = WEBHOOK
    kind = find_kind("webhook", ADAPTERS)
    duplicates_arrive = True

    def payload(self, number: int = 0) -> WebhookPayload:
        return WebhookPayload("tier.reached", {"tier": "gold", "名": "安", "orders": number, "more": [{"a": None}]})

    def working(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        return served(endpoint())

    def unreachable(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        return served(endpoint(), "http://127.0.0.1:9")

    def failing(self, folder: Path, outcome: Outcome) -> AbstractAsyncContextManager[Bench]:
        return served(endpoint(FAILURES[outcome]))

    def silent(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        return served(endpoint(Silence()), answer_timeout=0.2)
