"""The adapter ``webpush`` keeps the contract, against a push service that verifies and decrypts by itself."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from adapters.base import Message, Outcome, PushPayload
from adapters.kinds import find_kind
from adapters.registry import ADAPTERS
from adapters.webpush.adapter import WebPushAdapter, make_webpush
from adapters.webpush.options import WebPushOptions
from engine.channels.push import PUSH
from tests.adapters.emails import AT
from tests.adapters.fake_http import HangUp, Response, Silence, fake_http
from tests.adapters.webpush_service import CONTACT, KEY, NOW, Browser, PushService
from tests.contracts.adapter_contract import AdapterContract, Bench

FAILURES: dict[Outcome, Response | HangUp] = {
    Outcome.RETRY: Response(408),
    Outcome.REJECTED: Response(410),
    Outcome.SENDING_REFUSED: Response(429, headers=[("retry-after", "60")]),
    Outcome.UNKNOWN: HangUp(),
}


@dataclass
class Connected:
    adapter: WebPushAdapter
    service: PushService

    def arrived(self) -> Sequence[object]:
        return [
            PushPayload(one["title"], one["body"], one.get("image", ""), one.get("link", ""), one.get("data", {}))
            for one in self.service.kept.values()
        ]


class TestWebPush(AdapterContract):
    channel = PUSH
    kind = find_kind("webpush", ADAPTERS)
    endpoint = ""

    @asynccontextmanager
    async def connected(self, service: PushService, endpoint: str = "", **changes: object) -> AsyncIterator[Bench]:
        async with fake_http(service) as fake:
            self.endpoint = endpoint or f"{fake.url}/push/a-capability"
            usual: dict[str, object] = {"private_key": KEY, "contact": CONTACT, "hosts": ["127.0.0.1"]}
            options = WebPushOptions.model_validate({**usual, "connections": 3, "answer_timeout": 5, **changes})
            async with make_webpush(options, "webpush", lambda: NOW) as adapter:
                yield Connected(adapter, service)

    def payload(self, number: int = 0) -> PushPayload:
        return PushPayload(
            f"Für Ann 🎁 {number}",
            "欢迎, 10 %",
            "https://example.com/a.png",
            "https://example.com/?a=1",
            {"order": "7"},
        )

    def message(self, number: int = 0, recipient: str | None = None) -> Message:
        to = Browser().subscription(self.endpoint) if recipient is None else recipient
        return Message(f"action-{number}", "", to, self.payload(number), AT)

    def working(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        return self.connected(PushService())

    def unreachable(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        return self.connected(PushService(), "http://127.0.0.1:9/push/a-capability")

    def failing(self, folder: Path, outcome: Outcome) -> AbstractAsyncContextManager[Bench] | None:
        answer = FAILURES.get(outcome)  # there are many push services, so none of them says that all are down
        return None if answer is None else self.connected(PushService([answer]))

    def silent(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        return self.connected(PushService([Silence()]), answer_timeout=0.2)
